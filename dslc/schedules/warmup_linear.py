"""A learning rate that rises at first and then falls in a straight line."""

from typing import TYPE_CHECKING

from dslc.lazy import jnp
from dslc.plan import Duration
from dslc.schedules._shapes import ramp, real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class WarmupLinear(Schedule):
    """Rises as `warmup` does, then falls in a straight line to `floor` at the end of the run.

    Reference: Devlin et al., 2018, BERT, arXiv:1810.04805.
    """

    lr: float
    warmup: Duration
    floor: float = 0.0
    aliases = ("linear_schedule_with_warmup", "LinearSchedule")

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        first, now = length.steps(self.warmup), real(step)
        # A warm-up as long as the run leaves no room for the fall: the divisor only has to be no zero then.
        left = jnp.clip(1.0 - (now - first) / max(length.total - first, 1), 0.0, 1.0)
        return jnp.where(now < first, self.lr * ramp(now, first), self.floor + (self.lr - self.floor) * left)

"""A learning rate that rises at first and then falls along half a cosine."""

from typing import TYPE_CHECKING

from dslc.lazy import jnp
from dslc.plan import Duration
from dslc.schedules._shapes import half_cosine, ramp, real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class WarmupCosine(Schedule):
    """Rises as `warmup` does, then falls along half a cosine to `floor` at the end of the run.

    Reference: Loshchilov and Hutter, 2017, arXiv:1608.03983, in the form that nanoGPT uses.
    """

    lr: float
    warmup: Duration
    floor: float = 0.0

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        first, now = length.steps(self.warmup), real(step)
        # A warm-up as long as the run leaves no room for the fall: the divisor only has to be no zero then.
        fall = half_cosine((now - first) / max(length.total - first, 1), self.lr, self.floor)
        return jnp.where(now < first, self.lr * ramp(now, first), fall)

"""A learning rate that rises at first."""

from typing import TYPE_CHECKING

from dslc.plan import Duration
from dslc.schedules._shapes import ramp, real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class Warmup(Schedule):
    """Rises in a straight line through the `warmup`, `lr * (step + 1) / (warmup + 1)`, and stays at `lr`.

    Reference: Goyal et al., 2017, Accurate, Large Minibatch SGD, arXiv:1706.02677.
    """

    lr: float
    warmup: Duration
    aliases = ("linear_warmup", "LinearLR")

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        return self.lr * ramp(real(step), length.steps(self.warmup))

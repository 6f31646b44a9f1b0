"""A learning rate that falls by the same factor in equal times."""

from typing import TYPE_CHECKING

from dslc.plan import Duration
from dslc.schedules._shapes import real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class ExponentialDecay(Schedule):
    """Falls smoothly from `lr`, by `factor` in every stretch of `every`: `lr * factor ** (step / every)`.

    For a fall in stairs there is `step_decay`.
    """

    lr: float
    factor: float
    every: Duration = Duration(epochs=1)
    aliases = ("ExponentialLR",)

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        return self.lr * self.factor ** (real(step) / max(length.steps(self.every), 1))

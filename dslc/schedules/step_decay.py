"""A learning rate that falls in steps."""

from typing import TYPE_CHECKING

from dslc.lazy import jnp
from dslc.ops.base import Mismatch
from dslc.plan import Duration
from dslc.schedules._shapes import real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class StepDecay(Schedule):
    """Starts at `lr`, and is multiplied by `factor` each time that `every` has passed, or at each of the moments `at`.

    Reference: He et al., 2016, Deep Residual Learning for Image Recognition, arXiv:1512.03385.
    """

    lr: float
    every: Duration | None = None
    at: tuple[Duration, ...] | None = None
    factor: float = 0.1
    aliases = ("StepLR", "MultiStepLR", "piecewise_constant")

    def __post_init__(self) -> None:
        if (self.every is None) == (self.at is None):
            given = "neither is given" if self.every is None else "both are given"
            raise Mismatch(f"`step_decay` takes `every` or `at`: {given}", "write `every = epochs(30)`, for example")

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        now = real(step)
        if self.every is not None:
            drops = jnp.floor(now / max(length.steps(self.every), 1))
        else:
            drops = sum(
                (jnp.where(now >= length.steps(moment), 1.0, 0.0) for moment in self.at or ()), jnp.zeros_like(now)
            )
        return self.lr * self.factor**drops

"""A learning rate that rises once and falls once."""

from typing import TYPE_CHECKING

from dslc.lazy import jnp
from dslc.ops.base import Mismatch
from dslc.schedules._shapes import half_cosine, real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class OneCycle(Schedule):
    """From `lr / start` up to `lr` in the share `rise` of the run, then down to `lr / (start * end)`, along half cosines.

    The numbers are those of PyTorch's `OneCycleLR`; the momentum stays as it is.
    Reference: Smith and Topin, 2017, Super-Convergence, arXiv:1708.07120.
    """

    lr: float
    rise: float = 0.3
    start: float = 25.0
    end: float = 1e4
    aliases = ("OneCycleLR", "cosine_onecycle_schedule", "onecycle")

    def __post_init__(self) -> None:
        if not 0 < self.rise < 1:
            raise Mismatch(f"`rise = {self.rise:g}` must lie between 0 and 1", "one_cycle(lr = 0.1, rise = 0.3)")
        for name, divisor in {"start": self.start, "end": self.end}.items():
            if not divisor > 0:
                raise Mismatch(f"`{name} = {divisor:g}` must be above 0", "the rate is divided by it: `start = 25`")

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        now, top = real(step), self.rise * length.total - 1
        first, last = self.lr / self.start, self.lr / self.start / self.end
        # A run too short to rise has the top at its first step.
        rising = half_cosine(1 - now / top, self.lr, first) if top > 0 else jnp.full_like(now, self.lr)
        falling = half_cosine((now - top) / max(length.total - 1 - top, 1), self.lr, last)
        return jnp.where(now < top, rising, falling)

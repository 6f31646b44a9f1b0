"""A learning rate that falls along half a cosine."""

from typing import TYPE_CHECKING

from dslc.schedules._shapes import half_cosine, real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class Cosine(Schedule):
    """From `lr` at the first step down to `floor` at the end of the run, along half a cosine.

    Reference: Loshchilov and Hutter, 2017, SGDR, arXiv:1608.03983 (without restarts).
    """

    lr: float
    floor: float = 0.0
    aliases = ("cosine_decay", "cosine_annealing", "CosineAnnealingLR")

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        return half_cosine(real(step) / length.total, self.lr, self.floor)

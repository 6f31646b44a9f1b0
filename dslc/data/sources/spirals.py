"""Spirals that wind around each other."""

from typing import TYPE_CHECKING

from dslc.data.base import source
from dslc.data.sources._drawn import Drawn
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@source
class Spirals(Drawn):
    """Spirals from the middle to radius 1, one for each class, with so many turns.

    Shapes: `features` is `[batch, 2]`, `label` is `[batch]`.
    """

    n: int = 1_000
    noise: float = 0.02
    classes: int = 2
    turns: float = 1.5
    seed: int = 0

    aliases = ("make_spirals",)

    def kinds(self) -> int:
        return self.classes

    def points(self, label: "NDArray[np.int32]", random: "np.random.Generator") -> "NDArray[np.float64]":
        radius = np.sqrt(random.uniform(size=len(label)))
        angle = 2 * np.pi * (self.turns * radius + label / self.classes)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

"""Clouds of points."""

from typing import TYPE_CHECKING

from dslc.data.base import source
from dslc.data.sources._drawn import Drawn
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@source
class Blobs(Drawn):
    """Round clouds whose middles lie evenly on the circle of radius 1, one for each class.

    Shapes: `features` is `[batch, 2]`, `label` is `[batch]`.
    """

    n: int = 1_000
    noise: float = 0.2
    classes: int = 3
    seed: int = 0

    aliases = ("make_blobs",)

    def kinds(self) -> int:
        return self.classes

    def points(self, label: "NDArray[np.int32]", random: "np.random.Generator") -> "NDArray[np.float64]":
        angle = 2 * np.pi * label / self.classes
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

"""A circle around another."""

from typing import TYPE_CHECKING

from dslc.data.base import source
from dslc.data.sources._drawn import Drawn
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@source
class Circles(Drawn):
    """Two circles around the origin: the first of radius 1, the second `factor` times as large.

    Shapes: `features` is `[batch, 2]`, `label` is `[batch]`.
    """

    n: int = 1_000
    noise: float = 0.05
    factor: float = 0.5
    seed: int = 0

    aliases = ("make_circles",)

    def points(self, label: "NDArray[np.int32]", random: "np.random.Generator") -> "NDArray[np.float64]":
        angle = 2 * np.pi * random.uniform(size=len(label))
        radius = np.where(label == 0, 1.0, self.factor)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

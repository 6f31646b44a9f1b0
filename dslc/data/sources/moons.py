"""Two half circles that hold on to each other."""

from typing import TYPE_CHECKING

from dslc.data.base import source
from dslc.data.sources._drawn import Drawn
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@source
class Moons(Drawn):
    """Two half circles of radius 1, the second upside down and moved by (1, 0.5).

    Shapes: `features` is `[batch, 2]`, `label` is `[batch]`.
    """

    n: int = 1_000
    noise: float = 0.1
    seed: int = 0

    aliases = ("make_moons",)

    def points(self, label: "NDArray[np.int32]", random: "np.random.Generator") -> "NDArray[np.float64]":
        angle = np.pi * random.uniform(size=len(label))
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.where(np.expand_dims(label, 1) == 0, upper, np.array([[1.0, 0.5]]) - upper)

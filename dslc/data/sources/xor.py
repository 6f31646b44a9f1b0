"""The four quarters of a square."""

from typing import TYPE_CHECKING

from dslc.data.base import source
from dslc.data.sources._drawn import Drawn
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@source
class Xor(Drawn):
    """Points of the square from -1 to 1: class 0 where both coordinates have one sign, class 1 where they differ.

    Shapes: `features` is `[batch, 2]`, `label` is `[batch]`.
    """

    n: int = 1_000
    noise: float = 0.05
    seed: int = 0

    aliases = ("make_xor",)

    def points(self, label: "NDArray[np.int32]", random: "np.random.Generator") -> "NDArray[np.float64]":
        point = random.uniform(-1, 1, size=(len(label), 2))
        sign = np.where(label == 0, 1.0, -1.0) * np.sign(point[:, 0])
        return np.stack([point[:, 0], sign * np.abs(point[:, 1])], axis=1)

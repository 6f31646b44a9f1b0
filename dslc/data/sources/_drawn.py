"""What the sources share that draw their data from a formula."""

from math import isfinite
from typing import TYPE_CHECKING

from dslc.data.base import DataRefused, Folders, Parts, Records, Schema, Source, field_type
from dslc.data.table import generator
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Drawn(Source):
    """Points in the plane with a class each: `n` of them, moved by Gaussian `noise`, always the same for one `seed`."""

    n: int
    noise: float
    seed: int

    def kinds(self) -> int:
        """How many classes there are."""
        return 2

    def points(self, label: "NDArray[np.int32]", random: "np.random.Generator") -> "NDArray[np.float64]":
        """A point of each class that is asked for, without noise.

        Shapes: `[n]` to `[n, 2]`.
        """
        raise AssertionError(type(self).__name__)

    def schema(self, folders: Folders) -> Schema:
        require_points(self.name, self.n, self.kinds(), self.noise)
        fields = {"features": field_type(2), "label": field_type(dtype="i32")}
        return Schema(fields, {"label": self.kinds()}, {"train": self.n})

    def load(self, folders: Folders) -> Parts:
        schema, random = self.schema(folders), generator(self.seed, self.name)
        label = np.arange(self.n, dtype=np.int32) % self.kinds()
        points = self.points(label, random) + self.noise * random.normal(size=(self.n, 2))
        return Parts(Records(schema, {"features": points.astype(np.float32), "label": label}))


def require_points(name: str, n: int, kinds: int, noise: float) -> None:
    """Refuse numbers that no points can be drawn from."""
    if kinds < 1:
        raise DataRefused(f"`{name}` has {kinds} classes", "`classes` is 1 or more")
    if n < kinds:
        raise DataRefused(f"`{name}` has {n} points for {kinds} classes", f"`n` is {kinds} or more")
    if not (isfinite(noise) and noise >= 0):
        raise DataRefused(f"`{name}` has a noise of {noise:g}", "`noise` is a standard deviation: 0 or more")

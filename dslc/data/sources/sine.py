"""A curve to fit."""

from dslc.data.base import Folders, Parts, Records, Schema, Source, field_type, source
from dslc.data.sources._drawn import require_points
from dslc.data.table import generator
from dslc.lazy import np


@source
class Sine(Source):
    """The sine at points drawn evenly from -pi to pi, moved by Gaussian `noise`, always the same for one `seed`.

    Shapes: `features` is `[batch, 1]`, `target` is `[batch]`.
    """

    n: int = 1_000
    noise: float = 0.1
    seed: int = 0

    def schema(self, folders: Folders) -> Schema:
        require_points(self.name, self.n, 1, self.noise)
        return Schema({"features": field_type(1), "target": field_type()}, rows={"train": self.n})

    def load(self, folders: Folders) -> Parts:
        schema, random = self.schema(folders), generator(self.seed, self.name)
        place = random.uniform(-np.pi, np.pi, size=(self.n, 1))
        target = np.sin(place[:, 0]) + self.noise * random.normal(size=self.n)
        columns = {"features": place.astype(np.float32), "target": target.astype(np.float32)}
        return Parts(Records(schema, columns))

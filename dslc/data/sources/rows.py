"""Rows with nothing but a number, for training that draws all it learns from."""

from dslc.data.base import DataRefused, Folders, Parts, Records, Schema, Source, field_type, source
from dslc.lazy import np


@source
class Rows(Source):
    """`n` rows, each with its number alone: they say how long an epoch is where a train block draws its examples itself.

    Shapes: `row` is `[batch]`, from 0 to `n - 1`.
    """

    n: int = 1_000

    def schema(self, folders: Folders) -> Schema:
        if self.n < 1:
            raise DataRefused(f"`{self.name}` has {self.n} rows", "`n` is 1 or more")
        return Schema({"row": field_type(dtype="i32")}, {"row": self.n}, {"train": self.n})

    def load(self, folders: Folders) -> Parts:
        return Parts(Records(self.schema(folders), {"row": np.arange(self.n, dtype=np.int32)}))

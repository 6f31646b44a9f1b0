"""Values into a range."""

from dataclasses import replace

from dslc.data.base import DataRefused, Records, Schema, Stats, Table, stage
from dslc.data.stages._affine import AffineStage, records, stats_of
from dslc.lazy import np


@stage
class Scale(AffineStage):
    """Map values linearly to `low .. high`.

    Where a format bounds its values (0 and 255 of a picture), the bounds go to `low` and `high`. Elsewhere the least
    and the largest value of the training part do: of each column of a table, of all numbers of a picture together.
    Then values of other parts can lie outside. A constant column becomes `low`.

    Shapes: `[batch, ...]` to `[batch, ...]`.
    """

    low: float
    high: float
    fields: tuple[str, ...] | None = None

    aliases = ("rescale", "MinMaxScaler", "Rescaling")

    def infer(self, schema: Schema) -> Schema:
        if not self.low < self.high:
            raise DataRefused(f"`scale` needs `low` below `high`, and {self.low:g} is not below {self.high:g}")
        names = self.acts_on(schema)
        known = [name for name in names if name in schema.ranges]
        return schema.with_range(known, self.low, self.high)

    def fit(self, train: Table) -> Stats:
        table = records(train)
        return {name: self._fitted(table, name) for name in self.acts_on(table.schema)}

    def _fitted(self, table: Records, name: str) -> dict[str, object]:
        extremes = table.schema.ranges.get(name) or _extremes(table, name)
        least, largest = (np.asarray(bound, np.float64) for bound in extremes)
        extent = np.where(largest > least, largest - least, 1.0)
        width = extent / (self.high - self.low)
        return stats_of(least - self.low * width, width)

    def apply(self, table: Table, stats: Stats) -> Table:
        known = [name for name in stats if name in table.schema.ranges]
        changed = records(super().apply(table, stats))
        return replace(changed, schema=changed.schema.with_range(known, self.low, self.high))


def _extremes(table: Records, name: str) -> "tuple[object, object]":
    axis = 0 if table.schema.fields[name].rank == 2 else None
    blocks = [(block.min(axis=axis), block.max(axis=axis)) for block in table.blocks(name)]
    return np.min([low for low, _ in blocks], axis=0), np.max([high for _, high in blocks], axis=0)

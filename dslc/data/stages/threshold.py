"""Two values from many."""

from dataclasses import replace

from dslc.data.base import DataRefused, Schema, Stage, Stats, Table, stage
from dslc.data.stages._affine import records
from dslc.lazy import np


@stage
class Threshold(Stage):
    """1 where a value is above `at`, 0 elsewhere.

    Shapes: `[batch, ...]` to `[batch, ...]`.
    """

    at: float
    fields: tuple[str, ...] | None = None

    aliases = ("binarize", "Binarizer")

    def infer(self, schema: Schema) -> Schema:
        names = self.acts_on(schema)
        for name in names:
            low, high = schema.ranges.get(name, (-np.inf, np.inf))
            if not low <= self.at < high:
                raise DataRefused(
                    f"`{name}` goes from {low:g} to {high:g}: above {self.at:g} is either all of it or nothing",
                    f"a threshold in the middle is `threshold({(low + high) / 2:g})`",
                )
        return schema.with_range(names, 0.0, 1.0)

    def fit(self, train: Table) -> Stats:
        return {name: {"at": self.at} for name in self.acts_on(train.schema)}

    def apply(self, table: Table, stats: Stats) -> Table:
        changed = records(table)
        for name in stats:
            if name in changed.columns:
                # A byte for each bit of information: the float is made as a batch is gathered.
                blocks = [(block > self.at).astype(np.uint8) for block in changed.blocks(name)]
                changed = changed.stored(name, np.concatenate(blocks))
        return replace(changed, schema=changed.schema.with_range(stats, 0.0, 1.0))

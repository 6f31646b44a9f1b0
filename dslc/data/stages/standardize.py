"""Zero mean and unit deviation per position."""

from dslc.data.base import Stats, Table, stage
from dslc.data.stages._affine import AffineStage, mean_and_std, records, stats_of


@stage
class Standardize(AffineStage):
    """Shift and scale every position of an item by itself, each pixel of a picture, to mean 0 and deviation 1.

    Mean and deviation are those of the training part. A position that never changes is only shifted. On tables this is
    what `normalize` does.

    Shapes: `[batch, ...]` to `[batch, ...]`, with as many means and deviations as an item has numbers.
    """

    fields: tuple[str, ...] | None = None

    def fit(self, train: Table) -> Stats:
        table = records(train)
        return {name: stats_of(*mean_and_std(table, name, ())) for name in self.acts_on(table.schema)}

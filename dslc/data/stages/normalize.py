"""Zero mean and unit deviation per channel."""

from dslc.data.base import DataRefused, Records, Schema, Stats, Table, stage
from dslc.data.stages._affine import AffineStage, mean_and_std, records, stats_of
from dslc.lazy import np

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@stage
class Normalize(AffineStage):
    """Shift and scale each channel of pictures (the last axis), or each column of tables, to mean 0 and deviation 1.

    Mean and deviation are those of the training part; `stats = "imagenet"` takes the ones of ImageNet's pictures
    instead. A constant channel is only shifted.

    Shapes: `[batch, ..., c]` to `[batch, ..., c]`, with c means and deviations.
    """

    stats: str | None = None
    fields: tuple[str, ...] | None = None

    aliases = ("Normalization", "StandardScaler")

    def infer(self, schema: Schema) -> Schema:
        names = self.acts_on(schema)
        if self.stats is not None:
            self._require_pictures(schema, names)
        return schema.without_range(names)

    def _require_pictures(self, schema: Schema, names: tuple[str, ...]) -> None:
        if self.stats != "imagenet":
            raise DataRefused(f'`normalize` knows no statistics `"{self.stats}"`', 'the known ones are `"imagenet"`')
        for name in names:
            if name not in schema.ranges or schema.fields[name].shape[-1] != 3:
                reason = (
                    f"ImageNet's statistics are for pictures with 3 channels, and `{name}` is {schema.fields[name]}"
                )
                raise DataRefused(reason, "write `normalize`: it takes the statistics of the data itself")

    def fit(self, train: Table) -> Stats:
        table = records(train)
        return {name: self._fitted(table, name) for name in self.acts_on(table.schema)}

    def _fitted(self, table: Records, name: str) -> dict[str, object]:
        if self.stats is not None:
            low, high = table.schema.ranges[name]
            mean, std = (np.asarray(values) for values in IMAGENET)
            return stats_of(low + mean * (high - low), std * (high - low))
        return stats_of(*mean_and_std(table, name, range(table.schema.fields[name].rank - 2)))

"""Pictures of another size."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dslc.data.base import DataRefused, Records, Schema, Stats, Table, stage
from dslc.data.stages._affine import records
from dslc.data.stages._pictures import PictureStage, resized, scaled, two
from dslc.data.table import BLOCK
from dslc.lazy import jax, jnp, np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@stage
class Resize(PictureStage):
    """Resize pictures once, before training, to `size` or `[height, width]`: bilinear, smoothed where they shrink.

    What is stored as bytes is rounded to whole numbers again.

    Shapes: `[batch, h, w, c]` to `[batch, height, width, c]`.
    """

    size: int | tuple[int, ...]
    fields: tuple[str, ...] | None = None

    aliases = ("Resizing", "resize_with_crop")
    resizes = True

    def infer(self, schema: Schema) -> Schema:
        return resized(schema, self.pictures(schema), two(self.name, self.size))

    def apply(self, table: Table, stats: Stats) -> Table:
        changed, size = records(table), two(self.name, self.size)
        schema = self.infer(changed.schema)
        for name in self.pictures(changed.schema):
            if name in changed.columns:
                changed = _stored(changed, name, size)
        return replace(changed, schema=schema)


def _stored(table: Records, name: str, size: tuple[int, int]) -> Records:
    column = table.columns[name]
    pending = table.pending.get(name)
    if pending is not None and any(size > 1 for size in pending.center.shape[1:-1]):
        reason = f"each place of `{name}` has statistics of its own by now, which no resized picture has"
        raise DataRefused(reason, "write `resize` before `standardize`")
    run = jax.jit(lambda block: scaled(block.astype(jnp.float32), size))
    step = max(1, BLOCK // max(1, column[:1].size))
    blocks = [np.asarray(run(column[at : at + step])) for at in range(0, len(column), step)]
    made = table.stored(name, _as_before(np.concatenate(blocks), column))
    # A shift and a width of channels wait on: resizing is linear and keeps constants.
    return replace(made, pending={**made.pending, name: pending}) if pending else made


def _as_before(values: "NDArray[np.float32]", column: "NDArray[Any]") -> "NDArray[Any]":
    if column.dtype != np.uint8:
        return values
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)

"""What the stages share that subtract and divide: every one is `(x - center) / width` with fitted arrays."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dslc.data.base import DataRefused, Records, Schema, Stage, Stats, Table
from dslc.data.table import Affine
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AffineStage(Stage):
    """A stage with statistics `center` and `width` of each field."""

    def infer(self, schema: Schema) -> Schema:
        return schema.without_range(self.acts_on(schema))

    def apply(self, table: Table, stats: Stats) -> Table:
        changed = records(table)
        for name, values in stats.items():
            if name in changed.columns:
                changed = changed.mapped(name, _affine(values, changed.columns[name].ndim))
        return replace(changed, schema=changed.schema.without_range(stats))


def records(table: Table) -> Records:
    """The table as rows, which is what `infer` has let through."""
    if not isinstance(table, Records):
        raise DataRefused("windows of a text have no float fields")
    return table


def _affine(values: Any, rank: int) -> Affine:
    center, width = (_aligned(values[part], rank) for part in ("center", "width"))
    return Affine(center, width)


def _aligned(values: Any, rank: int) -> "NDArray[np.float64]":
    """Statistics of the last axes as an array that broadcasts against a field of this rank."""
    array = np.asarray(values, np.float64)
    return array.reshape((1,) * (rank - array.ndim) + array.shape)


def stats_of(center: "NDArray[np.float64]", width: "NDArray[np.float64]") -> dict[str, Any]:
    """As JSON has them."""
    return {"center": center.tolist(), "width": width.tolist()}


def mean_and_std(table: Records, name: str, axes: Sequence[int]) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Mean and standard deviation over the rows and these axes of an item; a constant has the deviation 1.

    Reference: Chan, Golub and LeVeque, 1983 (sums of squares of blocks, merged without cancellation).
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for block in table.blocks(name):
        size, center = len(block), block.mean(axis=0)
        shift = center - mean
        squares = squares + ((block - center) ** 2).sum(axis=0) + shift**2 * (count * size / (count + size))
        count, mean = count + size, mean + shift * (size / (count + size))
    spread = squares / count
    whole = mean.mean(axis=tuple(axes), keepdims=True)
    std = np.sqrt((spread + (mean - whole) ** 2).mean(axis=tuple(axes), keepdims=True))
    # 24 bits: a spread below the resolution of float32 at the mean is rounding, not information.
    std = np.where(std > np.abs(whole) * 2.0**-24, std, 1.0)
    return np.squeeze(whole, tuple(axes)), np.squeeze(std, tuple(axes))

"""What has been kept of the positions so far, with the present ones in it."""

from typing import Any

from dslc.lazy import lax
from dslc.ops.base import Context, Cost, Op, moved, op
from dslc.types import Type


@op
class Kept(Op):
    """Entries written along an axis, from a number that comes when the program runs.

    Shapes: `[..., positions, ...]`, `[..., length, ...]` and `i32[]` to the first.
    """

    axis: int

    precision = "own"

    def infer(self, x: Type, rows: Type, offset: Type) -> Type:
        return x

    def apply(self, weights: Any, x: Any, rows: Any, offset: Any, *, ctx: Context) -> Any:
        return lax.dynamic_update_slice_in_dim(x, rows.astype(x.dtype), offset, self.axis)

    def cost(self, x: Type, rows: Type, offset: Type) -> Cost:
        return Cost(0, moved(rows, rows))

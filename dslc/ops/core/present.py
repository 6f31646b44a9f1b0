"""The entries of the positions that are computed now."""

from typing import Any

from dslc.lazy import lax
from dslc.ops.base import Context, Cost, Op, moved, op
from dslc.types import Type


@op
class Present(Op):
    """A run of entries along an axis, from a number that comes when the program runs.

    Shapes: `[..., positions, ...]` and `i32[]` to `[..., length, ...]`.
    """

    axis: int
    length: int

    def infer(self, x: Type, offset: Type) -> Type:
        return x.with_shape(*x.shape[: self.axis], self.length, *x.shape[self.axis + 1 :])

    def apply(self, weights: Any, x: Any, offset: Any, *, ctx: Context) -> Any:
        return lax.dynamic_slice_in_dim(x, offset, self.length, self.axis)

    def cost(self, x: Type, offset: Type) -> Cost:
        out = self.infer(x, offset)
        return Cost(0, moved(out, out))

"""Entries of a tensor by number."""

from collections.abc import Sequence
from typing import Any

from dslc.lazy import jnp
from dslc.ops._time import UNKNOWN, Axis, InTime, Passage
from dslc.ops.base import Context, Cost, Mismatch, Op, moved, op
from dslc.types import Type


@op
class Take(Op):
    """Entries along an axis by an integer tensor: `keep[t]`, `table[:, which]`.

    An index outside of the axis gives NaN, or the lowest integer.

    Shapes: `[..., n, ...]` and `i32[index]` to `[..., index, ...]`.
    """

    axis: int = 0
    linear = True

    def infer(self, x: Type, index: Type) -> Type:
        if x.rank <= self.axis:
            what = "a scalar cannot be indexed" if x.rank == 0 else f"there is no axis {self.axis} in {x}"
            raise Mismatch(what, "use fewer indices", 0)
        if not index.is_integer:
            raise Mismatch(f"an index needs integers, and gets {index.dtype}", 'cast it first: `-> cast("i32")`', 1)
        return x.with_shape(*x.shape[: self.axis], *index.shape, *x.shape[self.axis + 1 :])

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        of, by = time
        x, index = types
        assert x is not None
        assert index is not None
        if of is None and by is not None:
            return Passage((self.axis + by,))
        if by is None and of is not None and of != self.axis:
            return Passage((of if of < self.axis else of + index.rank - 1,))
        return UNKNOWN

    def apply(self, weights: Any, x: Any, index: Any, *, ctx: Context) -> Any:
        return jnp.take(x, index, axis=self.axis)

    def cost(self, x: Type, index: Type) -> Cost:
        rows = self.infer(x, index)
        return Cost(0, moved(index, rows, rows))

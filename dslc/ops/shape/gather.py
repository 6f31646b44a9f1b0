"""Entries along an axis by number."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops._time import UNKNOWN, Across, Axis, InTime, Passage
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Gather(Op):
    """Entry along an axis that an integer names, one for each of the other axes: the axis is dropped.

    The index has the leading axes of the tensor without that axis; what it lacks of the others is taken whole, so that
    `i32[batch]` picks one vector of each sequence. A negative index counts from the end, one outside gives NaN.

    Shapes: `[batch, n, ...]` and `i32[batch]` to `[batch, ...]`.
    """

    axis: int
    aliases = ("take_along_axis", "batch_gather")
    linear = True
    samples = (
        Sample("gather(axis = 1)", ("[batch, seq, 3]", "i32[batch]"), "[batch, 3]"),
        Sample("gather(-1)", ("[batch, seq, n]", "i32[batch, seq]"), "[batch, seq]"),
        Sample("gather(2)", ("[batch, 4, n]", "i32[batch]"), "[batch, 4]"),
        Sample("gather(0)", ("[n, 3]", "i32[3]"), "[3]"),
        Sample(
            "gather(1)",
            ("[2, 3]", "i32[2]"),
            "[2]",
            given=([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [2, 0]),
            gives=[3.0, 4.0],
            source="worked by hand",
        ),
        Refused("gather(1)", ("[batch, 4]", "[batch]"), "needs integers"),
        Refused("gather(1)", ("[batch, 4, 3]", "i32[4]"), "leading axes"),
        Refused("gather(2)", ("[batch, 4]", "i32[batch]"), "outside"),
    )

    def infer(self, x: Type, index: Type) -> Type:
        if not index.is_integer:
            raise Mismatch(f"an index needs integers, and gets {index.dtype}", 'cast it first: `-> cast("i32")`', 1)
        axis = axis_of(self.axis, x.rank)
        rest = (*x.shape[:axis], *x.shape[axis + 1 :])
        if index.rank > len(rest) or not all(same(a, b) for a, b in zip(index.shape, rest, strict=False)):
            wanted = Type(rest, index.dtype)
            raise Mismatch(f"the index is {index}, and not the leading axes of {wanted}", "index `x[i]` takes rows", 1)
        return x.with_shape(*rest)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        of, by = time
        x, index = types
        assert x is not None
        assert index is not None
        axis = self.axis % x.rank
        if of == axis:
            return Across("picks positions", ahead=False)
        # The axis that is dropped stands before the positions or behind them.
        place = by if of is None else of - (of > axis)
        if (by is not None and by != place) or place is None:
            return UNKNOWN
        whole = place + (place >= axis)
        return Passage((place,), (whole if of is None else None, place if by is None and index.rank > place else None))

    def apply(self, weights: Any, x: Any, index: Any, *, ctx: Context) -> Any:
        axis = self.axis % x.ndim
        wide = index.reshape(*index.shape, *(1,) * (x.ndim - 1 - index.ndim))
        return jnp.take_along_axis(x, jnp.expand_dims(wide, axis), axis).squeeze(axis)

    def cost(self, x: Type, index: Type) -> Cost:
        out = self.infer(x, index)
        return Cost(0, moved(index, out, out))

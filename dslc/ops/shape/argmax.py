"""Where the largest element is."""

from collections.abc import Sequence
from typing import Any

from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, elements, moved, op
from dslc.types import Type


@op
class Argmax(Op):
    """Place of the largest element along an axis, the first of equal ones.

    Shapes: `[..., n]` to `i32[...]`.
    """

    axis: int = -1
    samples = (
        Sample("argmax", ("[batch, 3]",), "i32[batch]"),
        Sample("argmax(axis = 0)", ("i32[4, batch]",), "i32[batch]"),
        Sample(
            "argmax",
            ("[2, 3]",),
            "i32[2]",
            given=([[1.0, 7.0, 7.0], [0.0, -1.0, -2.0]],),
            gives=[1, 0],
            source="worked by hand",
        ),
        Refused("argmax(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("argmax", ("bool[batch, 3]",), "needs numbers"),
    )

    def infer(self, x: Type) -> Type:
        if x.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("i32")`', 0)
        axis = axis_of(self.axis, x.rank)
        return Type((*x.shape[:axis], *x.shape[axis + 1 :]), "i32")

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, (self.axis,), gone=True)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.argmax(x, self.axis).astype(jnp.int32)

    def cost(self, x: Type) -> Cost:
        return Cost(elements([x]), moved(x, self.infer(x)))

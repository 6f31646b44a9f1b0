"""The largest of several linear maps."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import NotDivisible, exact_div
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class Maxout(Op):
    """Largest of every `pieces` neighbouring features; equal ones share the gradient.

    After a `dense(units * pieces)` each unit is a convex function of straight pieces.

    Shapes: `[..., units * pieces]` to `[..., units]`.
    Reference: Goodfellow, Warde-Farley, Mirza, Courville and Bengio, 2013, arXiv:1302.4389.
    """

    pieces: int
    starts = "glorot_uniform"
    samples = (
        Sample("maxout(2)", ("[batch, seq, 2 * d]",), "[batch, seq, d]"),
        Sample(
            "maxout(3)",
            ("[6]",),
            "[2]",
            given=([1.0, 5.0, 3.0, -2.0, -7.0, -4.0],),
            gives=[5.0, -2.0],
            source="worked by hand",
        ),
        Refused("maxout(4)", ("[batch, 6]",), "does not divide by 4"),
        Refused("maxout(0)", ("[batch, 6]",), "at least 1"),
        Refused("maxout(2)", ("i32[batch, 6]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if self.pieces < 1:
            raise Mismatch(f"`pieces` must be at least 1, and is {self.pieces}")
        if x.rank == 0:
            raise Mismatch("a scalar has no axis of features", None, 0)
        try:
            return x.with_last(exact_div(x.shape[-1], self.pieces))
        except NotDivisible:
            reason = f"the last axis has size {x.shape[-1]}, which does not divide by {self.pieces}"
            raise Mismatch(reason, f"give it `units * {self.pieces}` features", 0) from None

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, (-1,))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x.reshape(*x.shape[:-1], -1, self.pieces).max(-1)

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost(elements([x]) - elements([out]), moved(x, out))

"""The largest elements."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import less
from dslc.lazy import jnp, lax
from dslc.ops._time import Across, Axis, InTime, Passage, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.types import Type


@op
class TopK(Op):
    """The `k` largest elements along the last axis, largest first, and where they stand; of equal ones the first.

    Shapes: `[..., n]` to `[..., k]` and `i32[..., k]`.
    """

    k: int
    samples = (
        Sample("top_k(2)", ("[batch, seq, 8]",), "[batch, seq, 2], i32[batch, seq, 2]"),
        Sample("top_k(1)", ("i32[batch, n]",), "i32[batch, 1], i32[batch, 1]"),
        Sample(
            "top_k(2)",
            ("[2, 3]",),
            "[2, 2], i32[2, 2]",
            given=([[1.0, 5.0, 3.0], [7.0, 7.0, -2.0]],),
            gives=([[5.0, 3.0], [7.0, 7.0]], [[1, 2], [0, 1]]),
            source="worked by hand",
        ),
        Refused("top_k(4)", ("[batch, 3]",), "of 3"),
        Refused("top_k(0)", ("[batch, 3]",), "at least 1"),
        Refused("top_k(1)", ("bool[batch, 3]",), "needs numbers"),
    )

    def infer(self, x: Type) -> tuple[Type, Type]:
        if x.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("f32")`', 0)
        if self.k < 1:
            raise Mismatch(f"`k` must be at least 1, and is {self.k}")
        if x.rank == 0 or less(x.shape[-1], self.k):
            raise Mismatch(
                f"the {self.k} largest elements of {x.shape[-1] if x.rank else 1} are asked for", "lower `k`", 0
            )
        return x.with_last(self.k), x.with_last(self.k).with_dtype("i32")

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        found = by_axis(time, types, (-1,))
        return found if isinstance(found, Across) else Passage(found.outputs * 2)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        values, places = lax.top_k(x, self.k)
        return values, places.astype(jnp.int32)

    def cost(self, x: Type) -> Cost:
        # Nothing is computed: elements are compared, and go where they belong.
        return Cost(0, moved(x, *self.infer(x)))

"""Running sums."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._time import Across, Axis, InTime, Passage, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, elements, moved, op
from dslc.types import Type


@op
class Cumsum(Op):
    """Sum of each element and all before it along an axis.

    Shapes: `[..., n]` to the same.
    """

    axis: int = -1
    linear = True
    keeps = ()
    precision = "full"
    samples = (
        Sample("cumsum(axis = 1)", ("[batch, seq, 3]",), "[batch, seq, 3]"),
        Sample("cumsum", ("i32[4]",), "i32[4]", given=([1, 2, -5, 3],), gives=[1, 3, -2, 1], source="worked by hand"),
        Refused("cumsum(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("cumsum", ("bool[batch]",), "needs numbers"),
    )

    def infer(self, x: Type) -> Type:
        if x.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("i32")`', 0)
        axis_of(self.axis, x.rank)
        return x

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        found = by_axis(time, types, (self.axis,))
        return found if isinstance(found, Passage) else Across("has no way to be computed step by step", ahead=False)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        # Half of the time of `jnp.cumsum`, which XLA makes of windows.
        return lax.associative_scan(jnp.add, x, axis=self.axis)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": lax.associative_scan(jnp.add, gradient, reverse=True, axis=self.axis)}

    def cost(self, x: Type) -> Cost:
        # Up and down a tree: 2 to 4 for each element, the steps that lay the results side by side among them.
        return Cost(3 * elements([x]), moved(x, x))

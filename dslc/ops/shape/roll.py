"""A tensor turned round along axes."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Roll(Op):
    """Elements moved `by` places along axes; what leaves at one end comes in at the other.

    Shapes: `[...]` to the same.
    """

    by: int | tuple[int, ...]
    axis: int | tuple[int, ...]
    linear = True
    keeps = ()
    samples = (
        Sample("roll(-3, axis = [1, 2])", ("[batch, h, w, 3]",), "[batch, h, w, 3]"),
        Sample("roll((1, -1), axis = (0, 1))", ("[n, 3]",), "[n, 3]"),
        Sample("roll(1, 0)", ("i32[3]",), "i32[3]", given=([1, 2, 3],), gives=[3, 1, 2], source="worked by hand"),
        Refused("roll(1, axis = 2)", ("[batch, 3]",), "outside"),
        Refused("roll((1, 2), axis = (0, 1, 0))", ("[batch, 3]",), "2 numbers"),
    )

    def infer(self, x: Type) -> Type:
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        if isinstance(self.by, tuple) and len(self.by) != len(axes):
            raise Mismatch(f"`by` has {len(self.by)} numbers, and `axis` {len(axes)}", "give one number for each axis")
        for axis in axes:
            axis_of(axis, x.rank)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.roll(x, self.by, self.axis)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        back = tuple(-step for step in self.by) if isinstance(self.by, tuple) else -self.by
        return {"x": jnp.roll(gradient, back, self.axis)}

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

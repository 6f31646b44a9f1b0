"""The quotient of tensors, rounded down."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, numbers, together
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class FloorDivide(Op):
    """Quotient of two tensors, rounded down; its gradient is zero.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    symbol = "//"
    elementwise = True
    keeps = ()
    samples = (
        Sample("floor_divide", ("[batch, 3]", "[]"), "[batch, 3]"),
        Sample(
            "floor_divide",
            ("i32[4]", "i32[]"),
            "i32[4]",
            given=([7, -7, 6, 2], 3),
            gives=[2, -3, 2, 0],
            source="worked by hand",
        ),
        Sample(
            "floor_divide", ("[2]", "[]"), "[2]", given=([7.5, -0.5], 2.0), gives=[3.0, -1.0], source="worked by hand"
        ),
        Refused("floor_divide", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("floor_divide", ("bool[batch]", "bool[batch]"), "needs numbers"),
    )

    def infer(self, a: Type, b: Type) -> Type:
        numbers(a, b)
        return common(a, b)

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.floor_divide(*together(a, b))

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(11 * elements([out]), moved(a, b, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {}

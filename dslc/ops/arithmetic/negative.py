"""The tensor with the other sign."""

from collections.abc import Mapping
from typing import Any

from dslc.ops.arithmetic._broadcast import numbers
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Negative(Op):
    """Every element with its sign turned.

    Shapes: `[...]` to `[...]`.
    """

    symbol = "-"
    aliases = ("Neg", "Negate")
    elementwise = True
    linear = True
    keeps = ()
    samples = (
        Sample("negative", ("[batch, 3]",), "[batch, 3]"),
        Sample("negative", ("i32[2]",), "i32[2]", given=([3, -1],), gives=[-3, 1], source="worked by hand"),
        Refused("negative", ("bool[batch]",), "needs numbers"),
    )

    def infer(self, x: Type) -> Type:
        numbers(x)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return -x

    def cost(self, x: Type) -> Cost:
        return Cost(elements([x]), moved(x, x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": -gradient}

"""The difference of tensors."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, numbers, together
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Subtract(Op):
    """Difference of two tensors.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    symbol = "-"
    aliases = ("Minus", "Sub")
    elementwise = True
    keeps = ()
    samples = (
        Sample("subtract", ("[batch, 3]", "[3]"), "[batch, 3]"),
        Sample(
            "subtract",
            ("[2]", "[2]"),
            "[2]",
            given=([1.0, 5.0], [3.0, 0.5]),
            gives=[-2.0, 4.5],
            source="worked by hand",
        ),
        Refused("subtract", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("subtract", ("bool[batch]", "bool[batch]"), "needs numbers"),
    )

    def infer(self, a: Type, b: Type) -> Type:
        numbers(a, b)
        return common(a, b)

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.subtract(*together(a, b))

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(elements([out]), moved(a, b, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"a": gradient, "b": -gradient}

"""What division leaves."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, numbers, together
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Remainder(Op):
    """Remainder of a division rounded down: it has the sign of the divisor.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    symbol = "%"
    aliases = ("Mod", "Modulo")
    elementwise = True
    keeps = ("a", "b")
    samples = (
        Sample("remainder", ("[batch, 3]", "[3]"), "[batch, 3]"),
        Sample(
            "remainder",
            ("i32[4]", "i32[]"),
            "i32[4]",
            given=([7, -7, 6, 2], 3),
            gives=[1, 2, 0, 2],
            source="worked by hand",
        ),
        Sample(
            "remainder",
            ("[2]", "[2]"),
            "[2]",
            given=([7.5, 7.5], [2.0, -2.0]),
            gives=[1.5, -0.5],
            source="worked by hand",
        ),
        Refused("remainder", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("remainder", ("bool[batch]", "bool[batch]"), "needs numbers"),
    )

    def infer(self, a: Type, b: Type) -> Type:
        numbers(a, b)
        return common(a, b)

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.remainder(*together(a, b))

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(7 * elements([out]), moved(a, b, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        gradient, a, b = together(gradient, kept["a"], kept["b"])
        return {"a": gradient, "b": -gradient * jnp.floor_divide(a, b)}

"""Powers of tensors."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, numbers, together
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Power(Op):
    """The first tensor raised to the power of the second.

    The gradient by the exponent is zero where the base is not positive.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    symbol = "**"
    aliases = ("Pow",)
    elementwise = True
    keeps = ("a", "b", "out")
    precision = "full"
    samples = (
        Sample("power", ("[batch, 3]", "[3]"), "[batch, 3]"),
        Sample(
            "power", ("[3]", "[]"), "[3]", given=([-3.0, 0.0, 2.0], 2.0), gives=[9.0, 0.0, 4.0], source="worked by hand"
        ),
        Sample("power", ("[2]", "i32[]"), "[2]", given=([-2.0, 0.5], 3), gives=[-8.0, 0.125], source="worked by hand"),
        Sample(
            "power", ("i32[2]", "i32[2]"), "i32[2]", given=([2, 3], [10, 0]), gives=[1024, 1], source="worked by hand"
        ),
        Refused("power", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("power", ("bool[batch]", "bool[batch]"), "needs numbers"),
    )

    def infer(self, a: Type, b: Type) -> Type:
        numbers(a, b)
        return common(a, b)

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.power(*together(a, b))

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(elements([out]), moved(a, b, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        gradient, a, b, out = together(gradient, kept["a"], kept["b"], kept["out"])
        # A zero exponent would meet 0 ** -1 at a zero base, and a logarithm exists of positive bases only.
        below = jnp.where(b == 0, 0, b * jnp.power(a, jnp.where(b == 0, 1, b - 1)))
        logarithm = jnp.where(a > 0, jnp.log(jnp.where(a > 0, a, 1)), 0)
        return {"a": gradient * below, "b": gradient * out * logarithm}

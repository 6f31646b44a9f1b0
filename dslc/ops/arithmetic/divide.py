"""The quotient of tensors."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, numbers, together
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Divide(Op):
    """Quotient of two tensors, of integers as well a float.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    symbol = "/"
    aliases = ("Div", "TrueDivide")
    elementwise = True
    keeps = ("b", "out")
    samples = (
        Sample("divide", ("[batch, 3]", "[batch, 1]"), "[batch, 3]"),
        Sample(
            "divide", ("[2]", "[2]"), "[2]", given=([1.0, 5.0], [4.0, 0.5]), gives=[0.25, 10.0], source="worked by hand"
        ),
        Sample(
            "divide", ("i32[2]", "i32[2]"), "[2]", given=([1, 6], [4, 3]), gives=[0.25, 2.0], source="worked by hand"
        ),
        Refused("divide", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("divide", ("bool[batch]", "bool[batch]"), "needs numbers"),
    )

    def infer(self, a: Type, b: Type) -> Type:
        numbers(a, b)
        out = common(a, b)
        return out if out.is_float else out.with_dtype("f32")

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        a, b = together(a, b)
        # Two integer tensors have no float dtype that could be followed.
        exact = a.dtype if jnp.issubdtype(a.dtype, jnp.floating) else jnp.float32
        return jnp.divide(a.astype(exact), b.astype(exact))

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(elements([out]), moved(a, b, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        gradient, b, out = together(gradient, kept["b"], kept["out"])
        share = gradient / b
        return {"a": share, "b": -share * out}

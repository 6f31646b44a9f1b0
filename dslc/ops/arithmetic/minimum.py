"""The smallest of tensors."""

from functools import reduce
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, numbers, together
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Minimum(Op):
    """Smallest of two or more tensors, element by element; equal ones share the gradient.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    aliases = ("Min2",)
    elementwise = True
    samples = (
        Sample("minimum", ("[batch, 3]", "[batch, 3]"), "[batch, 3]"),
        Sample("minimum", ("[batch, 3]", "[batch, 1]", "[3]"), "[batch, 3]"),
        Sample(
            "minimum", ("[3]", "i32[]"), "[3]", given=([1.5, -2.0, 0.5], 1), gives=[1.0, -2.0, 0.5], source="by hand"
        ),
        Refused("minimum", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("minimum", ("[batch]",), "at least two"),
        Refused("minimum", ("bool[batch]", "bool[batch]"), "needs numbers"),
    )

    def infer(self, *xs: Type) -> Type:
        if len(xs) < 2:
            help = "give a tuple: `(a, b) -> minimum`; along an axis it is `min`"
            raise Mismatch(f"needs at least two tensors, and gets {len(xs)}", help)
        numbers(*xs)
        return common(*xs)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return reduce(jnp.minimum, together(*xs))

    def cost(self, *xs: Type) -> Cost:
        out = self.infer(*xs)
        return Cost((len(xs) - 1) * elements([out]), moved(*xs, out))

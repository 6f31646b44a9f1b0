"""The product of tensors."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, together
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Multiply(Op):
    """Product of two or more tensors, element by element; of bools, whether all are true.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    symbol = "*"
    aliases = ("Mul", "Times")
    elementwise = True
    keeps = ("xs",)
    samples = (
        Sample("multiply", ("[batch, 3]", "[batch, 3]"), "[batch, 3]"),
        Sample("multiply", ("[batch, 3]", "[batch, 1]", "[3]"), "[batch, 3]"),
        Sample("multiply", ("[batch, 3]", "bool[batch, 1]"), "[batch, 3]"),
        Sample("multiply", ("[2]", "i32[]"), "[2]", given=([1.5, -2.0], 3), gives=[4.5, -6.0], source="worked by hand"),
        Sample(
            "multiply",
            ("bool[2]", "bool[2]"),
            "bool[2]",
            given=([True, False], [True, True]),
            gives=[True, False],
            source="worked by hand",
        ),
        Refused("multiply", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("multiply", ("i32[batch]", "i64[batch]"), "i32 and i64 do not mix"),
        Refused("multiply", ("[batch]",), "at least two"),
    )

    def infer(self, *xs: Type) -> Type:
        if len(xs) < 2:
            raise Mismatch(f"needs at least two tensors, and gets {len(xs)}", "give a tuple: `(a, b) -> multiply`")
        return common(*xs)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return reduce(jnp.multiply, together(*xs))

    def cost(self, *xs: Type) -> Cost:
        out = self.infer(*xs)
        return Cost((len(xs) - 1) * elements([out]), moved(*xs, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        gradient, *xs = together(gradient, *kept["xs"])
        others = (xs[:position] + xs[position + 1 :] for position in range(len(xs)))
        return {"xs": tuple(reduce(jnp.multiply, rest, gradient) for rest in others)}

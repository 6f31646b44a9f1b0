"""The sum of tensors."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, together
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class Add(Op):
    """Sum of two or more tensors; of bools, whether any is true.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    symbol = "+"
    aliases = ("Plus", "Merge")
    elementwise = True
    keeps = ()
    samples = (
        Sample("add", ("[batch, 3]", "[batch, 3]"), "[batch, 3]"),
        Sample("add", ("[batch, seq, 3]", "i32[seq, 1]", "[3]"), "[batch, seq, 3]"),
        Sample(
            "add",
            ("[2, 2]", "[2]"),
            "[2, 2]",
            given=([[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0]),
            gives=[[11.0, 22.0], [13.0, 24.0]],
            source="worked by hand",
        ),
        Sample(
            "add",
            ("bool[2]", "bool[2]"),
            "bool[2]",
            given=([True, False], [False, False]),
            gives=[True, False],
            source="worked by hand",
        ),
        Refused("add", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("add", ("f32[batch]", "bf16[batch]"), "f32 and bf16 do not mix"),
        Refused("add", ("[batch]",), "at least two"),
    )

    def infer(self, *xs: Type) -> Type:
        if len(xs) < 2:
            raise Mismatch(f"needs at least two tensors, and gets {len(xs)}", "give a tuple: `(a, b) -> add`")
        return common(*xs)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return reduce(jnp.add, together(*xs))

    def cost(self, *xs: Type) -> Cost:
        out = self.infer(*xs)
        return Cost((len(xs) - 1) * elements([out]), moved(*xs, out))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"xs": gradient}

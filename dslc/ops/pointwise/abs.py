"""The absolute value."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise
from dslc.types import Type


@op
class Abs(Pointwise):
    """Absolute value of every element, a number's distance from zero.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    samples = (
        Sample("abs", ("[batch, 3]",), "[batch, 3]"),
        Sample("abs", ("i32[3]",), "i32[3]", given=([-2, 0, 5],), gives=[2, 0, 5], source="worked by hand"),
        Refused("abs", ("bool[batch]",), "needs numbers"),
    )

    def infer(self, x: Type) -> Type:
        if x.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("f32")`', 0)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.abs(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * jnp.sign(kept["x"])}

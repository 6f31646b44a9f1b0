"""The square."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise
from dslc.types import Type


@op
class Square(Pointwise):
    """Square of every element.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    samples = (
        Sample("square", ("[batch, 3]",), "[batch, 3]"),
        Sample("square", ("[3]",), "[3]", given=([-3.0, 0.5, 2.0],), gives=[9.0, 0.25, 4.0], source="worked by hand"),
        Refused("square", ("bool[batch]",), "needs numbers"),
    )

    def infer(self, x: Type) -> Type:
        if x.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("f32")`', 0)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.square(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": 2 * gradient * kept["x"]}

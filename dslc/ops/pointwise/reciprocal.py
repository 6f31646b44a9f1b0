"""One over a number."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Reciprocal(Pointwise):
    """One over every element.

    Shapes: `[...]` to `[...]`.
    """

    aliases = ("inverse",)
    keeps = ("out",)
    precision = "full"
    samples = (
        Sample("reciprocal", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "reciprocal",
            ("[3]",),
            "[3]",
            given=([2.0, -4.0, 0.5],),
            gives=[0.5, -0.25, 2.0],
            source="worked by hand",
        ),
        Refused("reciprocal", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return lax.reciprocal(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": -gradient * lax.square(kept["out"])}

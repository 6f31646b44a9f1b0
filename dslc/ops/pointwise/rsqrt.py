"""One over the square root."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Rsqrt(Pointwise):
    """One over the square root of every element.

    Shapes: `[...]` to `[...]`.
    """

    aliases = ("inverse_sqrt",)
    keeps = ("out",)
    precision = "full"
    samples = (
        Sample("rsqrt", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "rsqrt",
            ("[3]",),
            "[3]",
            given=([4.0, 0.25, 1.0],),
            gives=[0.5, 2.0, 1.0],
            source="worked by hand",
        ),
        Refused("rsqrt", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return lax.rsqrt(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": -0.5 * gradient * kept["out"] * lax.square(kept["out"])}

"""The logistic function."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Sigmoid(Pointwise):
    """Logistic function `1 / (1 + exp(-x))`, between 0 and 1.

    Shapes: `[...]` to `[...]`.
    """

    aliases = ("Logistic", "Expit")
    starts = "glorot_uniform"
    flops: ClassVar[int] = 4
    keeps = ("out",)
    samples = (
        Sample("sigmoid", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "sigmoid",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 2.0],),
            gives=[0.26894142, 0.5, 0.88079708],
            source="tables of the logistic function",
        ),
        Refused("sigmoid", ("bool[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return lax.logistic(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = kept["out"]
        return {"x": gradient * out * (1 - out)}

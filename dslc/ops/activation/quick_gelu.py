"""The Gaussian error linear unit by a logistic function."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class QuickGelu(Pointwise):
    """Gaussian error linear unit approximated by `x * sigmoid(1.702 * x)`, as CLIP has it.

    Shapes: `[...]` to `[...]`.
    Reference: Hendrycks and Gimpel, 2016, arXiv 1606.08415.
    """

    aliases = ("QuickGELU",)
    starts = "he_normal"
    flops: ClassVar[int] = 6
    keeps = ("x",)
    samples = (
        Sample("quick_gelu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "quick_gelu",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 2.0],),
            gives=[-0.15420423, 0.0, 1.93565862],
            source="tables of the logistic function, at -1.702 and 3.404",
        ),
        Refused("quick_gelu", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x * lax.logistic(1.702 * x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x = kept["x"]
        gate = lax.logistic(1.702 * x)
        return {"x": gradient * gate * (1 + 1.702 * x * (1 - gate))}

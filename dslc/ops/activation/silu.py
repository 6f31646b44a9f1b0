"""The sigmoid linear unit."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Silu(Pointwise):
    """Sigmoid linear unit, also called swish: `x * sigmoid(x)`.

    Shapes: `[...]` to `[...]`.
    Reference: Elfwing, Uchibe and Doya, 2017, arXiv 1702.03118; Ramachandran, Zoph and Le, 2017, arXiv 1710.05941.
    """

    aliases = ("SiLU", "Swish")
    starts = "he_normal"
    flops: ClassVar[int] = 5
    keeps = ("x",)
    samples = (
        Sample("silu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "silu",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 1.0],),
            gives=[-0.26894142, 0.0, 0.73105858],
            source="tables of the logistic function",
        ),
        Refused("silu", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x * lax.logistic(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x = kept["x"]
        gate = lax.logistic(x)
        return {"x": gradient * gate * (1 + x * (1 - gate))}

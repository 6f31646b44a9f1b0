"""The gated linear unit."""

from typing import Any, ClassVar

from dslc.lazy import lax
from dslc.ops.activation._gated import Gated
from dslc.ops.base import Refused, Sample, op


@op
class Glu(Gated):
    """First half of the features times the sigmoid of the second half.

    Shapes: `[..., 2 * units]` to `[..., units]`.
    Reference: Dauphin, Fan, Auli and Grangier, 2016, arXiv:1612.08083.
    """

    axis: int = -1
    aliases = ("GatedLinearUnit",)
    flops: ClassVar[int] = 4
    samples = (
        Sample("glu", ("[batch, seq, 2 * d]",), "[batch, seq, d]"),
        Sample("glu(axis = 1)", ("[batch, 4, 3]",), "[batch, 2, 3]"),
        Sample(
            "glu",
            ("[2, 4]",),
            "[2, 2]",
            given=([[2.0, -3.0, 0.0, 1.0], [1.0, 5.0, -1.0, 0.0]],),
            gives=[[1.0, -2.1931757], [0.26894143, 2.5]],
            source="tables of the logistic function",
        ),
        Refused("glu", ("[batch, 5]",), "no two halves"),
        Refused("glu", ("i32[batch, 4]",), "needs floats"),
        Refused("glu(axis = 2)", ("[batch, 4]",), "outside"),
    )

    def gate(self, x: Any) -> Any:
        return lax.logistic(x)

"""The unit gated by a silu."""

from typing import Any, ClassVar

from dslc.lazy import lax
from dslc.ops.activation._gated import Gated
from dslc.ops.base import Refused, Sample, op


@op
class Swiglu(Gated):
    """First half of the features times the silu of the second half.

    Shapes: `[..., 2 * units]` to `[..., units]`.
    Reference: Shazeer, 2020, arXiv:2002.05202.
    """

    axis: int = -1
    aliases = ("SiLUGate",)
    flops: ClassVar[int] = 5
    samples = (
        Sample("swiglu", ("[batch, seq, 2 * d]",), "[batch, seq, d]"),
        Sample("swiglu(axis = 1)", ("[batch, 4, 3]",), "[batch, 2, 3]"),
        Sample(
            "swiglu",
            ("[2, 4]",),
            "[2, 2]",
            given=([[2.0, -3.0, 0.0, 1.0], [1.0, 5.0, -1.0, 0.0]],),
            gives=[[0.0, -2.1931757], [-0.26894143, 0.0]],
            source="tables of the logistic function",
        ),
        Refused("swiglu", ("[batch, 5]",), "no two halves"),
        Refused("swiglu", ("i32[batch, 4]",), "needs floats"),
        Refused("swiglu(axis = 2)", ("[batch, 4]",), "outside"),
    )

    def gate(self, x: Any) -> Any:
        return x * lax.logistic(x)

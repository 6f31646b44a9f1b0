"""The unit gated by a gelu."""

from math import sqrt
from typing import Any, ClassVar

from dslc.lazy import lax
from dslc.ops.activation._gated import Gated
from dslc.ops.base import Refused, Sample, op


@op
class Geglu(Gated):
    """First half of the features times the gelu of the second half.

    Shapes: `[..., 2 * units]` to `[..., units]`.
    Reference: Shazeer, 2020, arXiv:2002.05202.
    """

    axis: int = -1
    aliases = ("GELUGate",)
    flops: ClassVar[int] = 6
    samples = (
        Sample("geglu", ("[batch, seq, 2 * d]",), "[batch, seq, d]"),
        Sample("geglu(axis = 1)", ("[batch, 4, 3]",), "[batch, 2, 3]"),
        Sample(
            "geglu",
            ("[2, 4]",),
            "[2, 2]",
            given=([[2.0, -3.0, 0.0, 1.0], [1.0, 5.0, -1.0, 0.0]],),
            gives=[[0.0, -2.5240343], [-0.15865525, 0.0]],
            source="tables of the normal distribution: gelu(1) = 0.84134475",
        ),
        Refused("geglu", ("[batch, 5]",), "no two halves"),
        Refused("geglu", ("i32[batch, 4]",), "needs floats"),
        Refused("geglu(axis = 2)", ("[batch, 4]",), "outside"),
    )

    def gate(self, x: Any) -> Any:
        return 0.5 * x * (1 + lax.erf(x * sqrt(0.5)))

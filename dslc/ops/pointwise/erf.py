"""The error function."""

import math
from collections.abc import Mapping
from typing import Any

from dslc.lazy import lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Erf(Pointwise):
    """Error function of every element: the share of a normal distribution within `sqrt(2) * x` deviations.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    precision = "full"
    samples = (
        Sample("erf", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "erf",
            ("[3]",),
            "[3]",
            given=([0.0, 1.0, -0.5],),
            gives=[0.0, 0.84270079, -0.52049988],
            source="printed tables of the error function",
        ),
        Refused("erf", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return lax.erf(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * (2 / math.sqrt(math.pi)) * lax.exp(-lax.square(kept["x"]))}

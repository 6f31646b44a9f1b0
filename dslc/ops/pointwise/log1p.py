"""The logarithm of one more."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Log1p(Pointwise):
    """Natural logarithm of `1 + x`, exact where x is small.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    precision = "full"
    samples = (
        Sample("log1p", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "log1p",
            ("[3]",),
            "[3]",
            given=([0.0, 1.7182818, -0.5],),
            gives=[0.0, 1.0, -0.69314718],
            source="e - 1 has the logarithm 1; printed tables of logarithms",
        ),
        Refused("log1p", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.log1p(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient / (1 + kept["x"])}

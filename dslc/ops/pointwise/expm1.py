"""The exponential less one."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Expm1(Pointwise):
    """Exponential of every element less 1, exact where x is small.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("out",)
    precision = "full"
    samples = (
        Sample("expm1", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "expm1",
            ("[3]",),
            "[3]",
            given=([0.0, 1.0, -0.69314718],),
            gives=[0.0, 1.7182818, -0.5],
            source="printed tables of e; a half less one",
        ),
        Refused("expm1", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.expm1(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * (kept["out"] + 1)}

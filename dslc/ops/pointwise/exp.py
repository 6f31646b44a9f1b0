"""The exponential."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Exp(Pointwise):
    """Exponential of every element.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("out",)
    precision = "full"
    samples = (
        Sample("exp", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "exp",
            ("[3]",),
            "[3]",
            given=([0.0, 1.0, -1.0],),
            gives=[1.0, 2.7182818, 0.36787944],
            source="printed tables of e",
        ),
        Refused("exp", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.exp(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * kept["out"]}

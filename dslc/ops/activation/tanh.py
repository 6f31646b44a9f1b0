"""The hyperbolic tangent."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Tanh(Pointwise):
    """Hyperbolic tangent, between -1 and 1.

    Shapes: `[...]` to `[...]`.
    """

    starts = "glorot_uniform"
    keeps = ("out",)
    samples = (
        Sample("tanh", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "tanh",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 0.5],),
            gives=[-0.76159416, 0.0, 0.46211716],
            source="tables of hyperbolic functions",
        ),
        Refused("tanh", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.tanh(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = kept["out"]
        return {"x": gradient * (1 - out * out)}

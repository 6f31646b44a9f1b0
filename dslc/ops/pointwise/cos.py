"""The cosine."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Cos(Pointwise):
    """Cosine of every element, an angle in radians.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    samples = (
        Sample("cos", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "cos",
            ("[3]",),
            "[3]",
            given=([0.0, 1.0471976, 3.1415927],),
            gives=[1.0, 0.5, -1.0],
            source="cos of 0, 60 and 180 degrees",
        ),
        Refused("cos", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.cos(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": -gradient * jnp.sin(kept["x"])}

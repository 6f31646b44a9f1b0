"""The sine."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Sin(Pointwise):
    """Sine of every element, an angle in radians.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    samples = (
        Sample("sin", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "sin",
            ("[3]",),
            "[3]",
            given=([0.0, 0.5235988, 1.5707963],),
            gives=[0.0, 0.5, 1.0],
            source="sin of 0, 30 and 90 degrees",
        ),
        Refused("sin", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.sin(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * jnp.cos(kept["x"])}

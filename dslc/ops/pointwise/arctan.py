"""The inverse of the tangent."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Arctan(Pointwise):
    """Angle in radians, between -pi / 2 and pi / 2, whose tangent every element is.

    Shapes: `[...]` to `[...]`.
    """

    aliases = ("atan",)
    keeps = ("x",)
    samples = (
        Sample("arctan", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "arctan",
            ("[3]",),
            "[3]",
            given=([0.0, 1.0, -0.5],),
            gives=[0.0, 0.7853982, -0.4636476],
            source="tan of 0 and 45 degrees, and of the angle of 1 over 2",
        ),
        Refused("arctan", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.arctan(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient / (1 + jnp.square(kept["x"]))}

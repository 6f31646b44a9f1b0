"""The rectifier."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Relu(Pointwise):
    """Rectifier: negative elements become zero.

    Shapes: `[...]` to `[...]`.
    Reference: Nair and Hinton, 2010.
    """

    aliases = ("ReLU",)
    starts = "he_normal"
    keeps = ("out",)
    samples = (
        Sample("relu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "relu",
            ("[4]",),
            "[4]",
            given=([-2.0, -0.5, 0.0, 3.0],),
            gives=[0.0, 0.0, 0.0, 3.0],
            source="worked by hand",
        ),
        Refused("relu", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.maximum(x, 0)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": jnp.where(kept["out"] > 0, gradient, 0)}

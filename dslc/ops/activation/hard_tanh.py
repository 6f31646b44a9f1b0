"""A tangent of straight lines."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class HardTanh(Pointwise):
    """Hyperbolic tangent drawn with straight lines: `x` between -1 and 1, and these beyond.

    Shapes: `[...]` to `[...]`.
    Reference: Collobert, 2004, Large scale machine learning.
    """

    aliases = ("Hardtanh",)
    starts = "glorot_uniform"
    flops: ClassVar[int] = 2
    keeps = ("out",)
    samples = (
        Sample("hard_tanh", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "hard_tanh", ("[3]",), "[3]", given=([-1.5, 0.5, 9.0],), gives=[-1.0, 0.5, 1.0], source="worked by hand"
        ),
        Refused("hard_tanh", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.clip(x, -1, 1)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": jnp.where(jnp.abs(kept["out"]) < 1, gradient, 0)}

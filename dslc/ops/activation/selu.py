"""The self-normalizing linear unit."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
"""The fixed point of mean 0 and variance 1, equation 14 of the paper."""


@op
class Selu(Pointwise):
    """Scaled exponential linear unit, which brings layer after layer back to mean 0 and variance 1.

    Shapes: `[...]` to `[...]`.
    Reference: Klambauer, Unterthiner, Mayr and Hochreiter, 2017, arXiv 1706.02515.
    """

    aliases = ("SELU",)
    starts = "lecun_normal"
    flops: ClassVar[int] = 5
    keeps = ("out",)
    samples = (
        Sample("selu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "selu",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 1.0],),
            gives=[-1.11133074, 0.0, 1.05070099],
            source="the paper's constants: 1.7580993 * (1 / e - 1), and 1.050701",
        ),
        Refused("selu", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        # Where it is not used the exponential must not overflow: its infinity would spoil the derived gradient.
        return SCALE * jnp.where(x > 0, x, ALPHA * jnp.expm1(jnp.minimum(x, 0)))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = kept["out"]
        return {"x": gradient * jnp.where(out > 0, SCALE, out + SCALE * ALPHA)}

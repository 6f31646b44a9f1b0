"""The exponential linear unit without a kink."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise
from dslc.types import Type


@op
class Celu(Pointwise):
    """Exponential linear unit with a continuous slope: `x` above zero, `alpha * (exp(x / alpha) - 1)` below.

    Shapes: `[...]` to `[...]`.
    Reference: Barron, 2017, arXiv 1704.07483.
    """

    alpha: float = 1.0
    aliases = ("CELU",)
    starts = "he_normal"
    flops: ClassVar[int] = 5
    keeps = ("out",)
    samples = (
        Sample("celu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "celu(2.0)",
            ("[3]",),
            "[3]",
            given=([-2.0, 0.0, 3.0],),
            gives=[-1.26424112, 0.0, 3.0],
            source="worked by hand: 2 * (1 / e - 1)",
        ),
        Refused("celu(0.0)", ("[batch]",), "above zero"),
        Refused("celu", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        if not self.alpha > 0:
            raise Mismatch(f"`alpha = {self.alpha}` must be above zero", "use a positive alpha, such as 1.0")
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        # Where it is not used the exponential must not overflow: its infinity would spoil the derived gradient.
        return jnp.where(x > 0, x, self.alpha * jnp.expm1(jnp.minimum(x, 0) / self.alpha))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = kept["out"]
        return {"x": jnp.where(out > 0, gradient, gradient * (out / self.alpha + 1))}

"""The exponential linear unit."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise
from dslc.types import Type


@op
class Elu(Pointwise):
    """Exponential linear unit: `x` above zero, `alpha * (exp(x) - 1)` below.

    Shapes: `[...]` to `[...]`.
    Reference: Clevert, Unterthiner and Hochreiter, 2015, arXiv 1511.07289.
    """

    alpha: float = 1.0
    aliases = ("ELU",)
    starts = "he_normal"
    flops: ClassVar[int] = 4
    keeps = ("out",)
    samples = (
        Sample("elu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "elu(2.0)",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 3.0],),
            gives=[-1.26424112, 0.0, 3.0],
            source="worked by hand: 2 * (1 / e - 1)",
        ),
        Refused("elu(-1.0)", ("[batch]",), "below zero"),
        Refused("elu", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        # The backward rule tells the side of an element from its output, which a negative alpha would fold over.
        if self.alpha < 0:
            raise Mismatch(f"`alpha = {self.alpha}` is below zero", "use a positive alpha, such as 1.0")
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        # Where it is not used the exponential must not overflow: its infinity would spoil the derived gradient.
        return jnp.where(x > 0, x, self.alpha * jnp.expm1(jnp.minimum(x, 0)))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = kept["out"]
        return {"x": jnp.where(out > 0, gradient, gradient * (out + self.alpha))}

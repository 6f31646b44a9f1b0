"""The rectifier that lets a little through."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise
from dslc.types import Type


@op
class LeakyRelu(Pointwise):
    """Rectifier that multiplies negative elements by a small slope.

    Shapes: `[...]` to `[...]`.
    Reference: Maas, Hannun and Ng, 2013.
    """

    slope: float = 0.01
    aliases = ("LeakyReLU",)
    numbers = ("slope",)
    starts = "he_normal"
    flops: ClassVar[int] = 3
    keeps = ("out",)
    samples = (
        Sample("leaky_relu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "leaky_relu(0.2)",
            ("[3]",),
            "[3]",
            given=([-2.0, 0.0, 3.0],),
            gives=[-0.4, 0.0, 3.0],
            source="worked by hand",
        ),
        Refused("leaky_relu(-0.5)", ("[batch]",), "below zero"),
        Refused("leaky_relu", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        # The backward rule tells the side of an element from its output, which a negative slope would fold over.
        if self.slope < 0:
            raise Mismatch(f"`slope = {self.slope}` is below zero", "use 0 or a small positive slope, such as 0.01")
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.where(x > 0, x, self.slope * x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": jnp.where(kept["out"] > 0, gradient, self.slope * gradient)}

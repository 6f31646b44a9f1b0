"""What a normalization with known statistics multiplies with."""

from typing import Any

from dslc.lazy import lax
from dslc.ops.base import Context, Cost, Op, broadcast, elements, floating, moved, op
from dslc.types import Type


@op
class Slope(Op):
    """The factor of a normalization whose statistics are given: `scale / sqrt(var + eps)`.

    Shapes: `[features]` and `[features]` to `[features]`.
    """

    eps: float

    precision = "full"
    elementwise = True

    def infer(self, scale: Type, var: Type) -> Type:
        floating(scale, var)
        return scale.with_shape(*broadcast(scale, var))

    def apply(self, weights: Any, scale: Any, var: Any, *, ctx: Context) -> Any:
        return scale * lax.rsqrt(var + self.eps)

    def cost(self, scale: Type, var: Type) -> Cost:
        return Cost(3 * elements([scale]), moved(scale, var, scale))

"""The rectifier with a trained slope."""

from collections.abc import Mapping
from typing import Any

from dslc.initializers.constant import Constant
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.types import Type


@op
class Prelu(Op):
    """Rectifier that multiplies negative elements by a slope which it learns, one for each feature, 0.25 at first.

    Shapes: `[..., features]` to the same.
    Reference: He, Zhang, Ren and Sun, 2015, arXiv:1502.01852.
    """

    starts = "he_normal"
    keeps = ("x", "scale")
    aliases = ("PReLU",)
    precision = "half"
    samples = (
        Sample("prelu", ("[batch, seq, 3]",), "[batch, seq, 3]", parameters=3),
        Sample(
            "prelu",
            ("[2, 2]",),
            "[2, 2]",
            given=([[-2.0, -2.0], [3.0, -1.0]],),
            weights={"scale": [0.5, -1.0]},
            gives=[[-1.0, 2.0], [3.0, 1.0]],
            source="worked by hand",
        ),
        Refused("prelu", ("[]",), "no axis"),
        Refused("prelu", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if x.rank == 0:
            raise Mismatch("a scalar has no axis of features", "give it one: `-> reshape([1])`", 0)
        return x

    def weights(self, x: Type) -> Mapping[str, Weight]:
        return {"scale": Weight(x.shape[-1:], Constant(0.25))}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.where(x > 0, x, _row(weights["scale"], x) * x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x, scale = kept["x"], kept["scale"]
        below = jnp.where(x > 0, 0, gradient)
        by_scale = (below * x).sum(tuple(range(x.ndim - 1)))
        return {"x": jnp.where(x > 0, gradient, gradient * _row(scale, x)), "scale": by_scale}

    def cost(self, x: Type) -> Cost:
        return Cost(3 * elements([x]), moved(x, x, *self.weights(x).values()))


def _row(scale: Any, x: Any) -> Any:
    return jnp.expand_dims(scale, tuple(range(x.ndim - 1)))

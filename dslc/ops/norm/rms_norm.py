"""Normalization by the root mean square."""

from typing import Any

from dslc.initializers.ones import Ones
from dslc.lazy import jnp, lax
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.norm._axis import check, column_sum, row
from dslc.types import Type


@op
class RmsNorm(Op):
    """Each vector along the last axis to root mean square 1, then scaled: `x / sqrt(mean(x ** 2) + eps) * scale`.

    Shapes: `[..., features]` to the same.
    Reference: Zhang and Sennrich, 2019, arXiv:1910.07467.
    """

    eps: float = 1e-6

    transparent = True
    rowwise = True
    keeps = ("x", "scale")
    saves = ("rrms",)
    aliases = ("RMSNorm", "RMSNormalization")
    samples = (
        Sample(
            "rms_norm(eps = 0)",
            ("[batch, 2]",),
            "[batch, 2]",
            parameters=2,
            given=([[1.0, 7.0], [3.0, -4.0]],),
            weights={"scale": [5.0, 10.0]},
            gives=[[1.0, 14.0], [15 / 12.5**0.5, -40 / 12.5**0.5]],
            source="by hand: the mean squares are 25 and 12.5",
        ),
        Refused("rms_norm(eps = -1)", ("[batch, 2]",), "must not be negative"),
    )

    def infer(self, x: Type) -> Type:
        check(x, self.eps, rank=1)
        return x

    def weights(self, x: Type) -> dict[str, Weight]:
        return {"scale": Weight(x.shape[-1:], Ones())}

    def saved(self, x: Type) -> dict[str, Type]:
        return {"rrms": Type((*x.shape[:-1], 1), wide(x.dtype))}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, *, ctx: Context) -> tuple[Any, dict[str, Any]]:
        values = widened(x)
        rrms = lax.rsqrt(jnp.mean(jnp.square(values), axis=-1, keepdims=True) + self.eps)
        return (values * rrms * row(weights["scale"], values)).astype(x.dtype), {"rrms": rrms}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        g, rrms = widened(gradient), kept["rrms"]
        normal = widened(kept["x"]) * rrms
        inner = g * row(kept["scale"], g)
        by_x = rrms * (inner - normal * jnp.mean(inner * normal, axis=-1, keepdims=True))
        return {"x": by_x.astype(gradient.dtype), "scale": column_sum(g * normal).astype(kept["scale"].dtype)}

    def cost(self, x: Type) -> Cost:
        # Square 1, sum 1, scaling by the root 1, scale 1; a square root for each vector.
        return Cost(4 * elements([x]) + 3 * elements([Type(x.shape[:-1])]), moved(x, x, *self.weights(x).values()))

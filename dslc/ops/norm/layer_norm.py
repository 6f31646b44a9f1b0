"""Layer normalization."""

from typing import Any

from dslc.initializers.ones import Ones
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp, lax
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.norm._axis import check, column_sum, row
from dslc.types import Type


@op
class LayerNorm(Op):
    """Each vector along the last axis to mean 0 and variance 1, then scaled and shifted: `(x - m) / sqrt(v + eps)`.

    Shapes: `[..., features]` to the same.
    Reference: Ba, Kiros and Hinton, 2016, arXiv:1607.06450.
    """

    eps: float = 1e-5
    bias: bool = True

    transparent = True
    rowwise = True
    keeps = ("x", "scale")
    saves = ("mean", "rstd")
    aliases = ("LayerNormalization",)
    samples = (
        Sample(
            "layer_norm(eps = 0)",
            ("[batch, 3]",),
            "[batch, 3]",
            parameters=6,
            given=([[1.0, 2.0, 3.0], [0.0, 0.0, 3.0]],),
            weights={"scale": [1.0, 1.0, 2.0], "bias": [0.0, 1.0, 0.0]},
            gives=[[-(1.5**0.5), 1.0, 6.0**0.5], [-(0.5**0.5), 1 - 0.5**0.5, 8.0**0.5]],
            source="by hand: variances 2 / 3 and 2",
        ),
        Sample("layer_norm(bias = false)", ("[batch, seq, 8]",), "[batch, seq, 8]", parameters=8),
        Refused("layer_norm", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        check(x, self.eps, rank=1)
        return x

    def weights(self, x: Type) -> dict[str, Weight]:
        shape = x.shape[-1:]
        return {"scale": Weight(shape, Ones())} | ({"bias": Weight(shape, Zeros())} if self.bias else {})

    def saved(self, x: Type) -> dict[str, Type]:
        kind = Type((*x.shape[:-1], 1), wide(x.dtype))
        return {"mean": kind, "rstd": kind}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, *, ctx: Context) -> tuple[Any, dict[str, Any]]:
        values = widened(x)
        mean = jnp.mean(values, axis=-1, keepdims=True)
        rstd = lax.rsqrt(jnp.mean(jnp.square(values - mean), axis=-1, keepdims=True) + self.eps)
        out = (values - mean) * rstd * row(weights["scale"], values)
        if self.bias:
            out = out + row(weights["bias"], values)
        return out.astype(x.dtype), {"mean": mean, "rstd": rstd}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        g, rstd = widened(gradient), kept["rstd"]
        normal = (widened(kept["x"]) - kept["mean"]) * rstd
        inner = g * row(kept["scale"], g)
        along = jnp.mean(inner * normal, axis=-1, keepdims=True)
        by_x = rstd * (inner - jnp.mean(inner, axis=-1, keepdims=True) - normal * along)
        by_scale = {"scale": column_sum(g * normal).astype(kept["scale"].dtype)}
        by_bias = {"bias": column_sum(g).astype(kept["scale"].dtype)} if self.bias else {}
        return {"x": by_x.astype(gradient.dtype), **by_scale, **by_bias}

    def cost(self, x: Type) -> Cost:
        # Mean 1, centring 1, variance 2, scaling by rstd 1, scale 1, bias 1; a square root for each vector.
        rows = elements([Type(x.shape[:-1])])
        return Cost((6 + self.bias) * elements([x]) + 4 * rows, moved(x, x, *self.weights(x).values()))

"""Batch normalization."""

from collections.abc import Sequence
from typing import Any

from dslc.initializers.ones import Ones
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp, lax
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.norm._axis import check, column_sum, row
from dslc.types import Type


@op
class BatchNorm(Op):
    """Each feature to mean 0 and variance 1 over the batch and all places, then scaled and shifted.

    In training the statistics are those of the batch, and the running ones follow as in Keras:
    `new = momentum * old + (1 - momentum) * batch`, with the biased variance. Outside of training the running ones count.

    Shapes: `[batch, ..., features]` to the same.
    Reference: Ioffe and Szegedy, 2015, arXiv:1502.03167.
    """

    momentum: float = 0.9
    eps: float = 1e-5

    transparent = True
    keeps = ("x", "scale")
    saves = ("centre", "rstd")
    aliases = ("BatchNorm1d", "BatchNorm2d", "BatchNormalization")
    samples = (
        Sample(
            "batch_norm(eps = 0)",
            ("[batch, 2]",),
            "[batch, 2]",
            parameters=4,
            given=([[1.0, 2.0], [5.0, -2.0]],),
            weights={"scale": [1.0, 2.0], "bias": [0.0, 1.0], "mean": [1.0, 0.0], "var": [4.0, 1.0]},
            gives=[[0.0, 5.0], [2.0, -3.0]],
            source="by hand, with the running statistics: (x - mean) / sqrt(var) * scale + bias",
        ),
        Sample("batch_norm", ("[batch, h, w, 16]",), "[batch, h, w, 16]", parameters=32),
        Refused("batch_norm", ("[10]",), "at least 2 axes"),
        Refused("batch_norm(momentum = 1.5)", ("[batch, 2]",), "from 0 to 1"),
    )

    def infer(self, x: Type) -> Type:
        check(x, self.eps, rank=2)
        if not 0 <= self.momentum <= 1:
            raise Mismatch(f"`momentum = {self.momentum}` must be from 0 to 1", "batch_norm(momentum = 0.9)")
        return x

    def weights(self, x: Type) -> dict[str, Weight]:
        return {"scale": Weight(x.shape[-1:], Ones()), "bias": Weight(x.shape[-1:], Zeros())}

    def state(self, x: Type) -> dict[str, Weight]:
        return {"mean": Weight(x.shape[-1:], Zeros()), "var": Weight(x.shape[-1:], Ones())}

    def saved(self, x: Type) -> dict[str, Type]:
        kind = Type(x.shape[-1:], wide(x.dtype))
        return {"centre": kind, "rstd": kind}

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, (-1,))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, *, ctx: Context) -> tuple[Any, dict[str, Any]]:
        values = widened(x)
        state = {"mean": weights["mean"], "var": weights["var"]}
        now = _statistics(values) if ctx.training else state
        centre, rstd = now["mean"].astype(values.dtype), lax.rsqrt(now["var"].astype(values.dtype) + self.eps)
        slope = rstd * weights["scale"].astype(values.dtype)
        out = (values - row(centre, values)) * row(slope, values) + row(weights["bias"], values)
        following = {name: self._moved(old, now[name]) for name, old in state.items()} if ctx.training else state
        return (out.astype(x.dtype), following), {"centre": centre, "rstd": rstd}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        g, rstd = widened(gradient), kept["rstd"]
        centred = widened(kept["x"]) - row(kept["centre"], g)
        by_bias, by_scale = column_sum(g), column_sum(g * centred) * rstd
        by_x = g
        if ctx.training:
            # The batch's own mean and variance move with x.
            count = g.size // g.shape[-1]
            by_x = g - row(by_bias / count, g) - centred * row(rstd * by_scale / count, g)
        by_x = by_x * row(rstd * kept["scale"].astype(g.dtype), g)
        dtype = kept["scale"].dtype
        return {"x": by_x.astype(gradient.dtype), "scale": by_scale.astype(dtype), "bias": by_bias.astype(dtype)}

    def cost(self, x: Type) -> Cost:
        weights = (*self.weights(x).values(), *self.state(x).values())
        return Cost(3 * elements([x]) + 3 * elements([Type(x.shape[-1:])]), moved(x, x, *weights))

    def _moved(self, old: Any, batch: Any) -> Any:
        return self.momentum * old + (1 - self.momentum) * batch.astype(old.dtype)


def _statistics(values: Any) -> dict[str, Any]:
    count = values.size // values.shape[-1]
    mean = column_sum(values) / count
    return {"mean": mean, "var": column_sum(jnp.square(values - row(mean, values))) / count}

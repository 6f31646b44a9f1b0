"""What the norms of groups of channels share: statistics over all places of an example and the channels of a group."""

from dataclasses import dataclass
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._wide import widened
from dslc.ops.norm._axis import column_sum, row


@dataclass(frozen=True)
class Groups:
    """Normalizes `[batch, places..., channels]` in `count` groups of channels, which stand side by side."""

    count: int
    eps: float

    def forward(self, x: Any, scale: Any, bias: Any) -> tuple[Any, dict[str, Any]]:
        """The output, scaled and shifted where these weights are given, and the statistics."""
        parted = self._parted(widened(x))
        mean = parted.mean((1, 3), keepdims=True)
        rstd = lax.rsqrt(jnp.square(parted - mean).mean((1, 3), keepdims=True) + self.eps)
        out = ((parted - mean) * rstd).reshape(x.shape)
        if scale is not None:
            out = out * row(scale, out) + row(bias, out)
        return out.astype(x.dtype), {"mean": mean, "rstd": rstd}

    def backward(self, kept: Any, gradient: Any) -> dict[str, Any]:
        """Gradients of the input, and of the weights where there are any."""
        x, scale, mean, rstd = (kept.get(name) for name in ("x", "scale", "mean", "rstd"))
        wide = widened(gradient)
        normal = (self._parted(widened(x)) - mean) * rstd
        inner = self._parted(wide if scale is None else wide * row(scale, wide))
        along = (inner * normal).mean((1, 3), keepdims=True)
        by_x = rstd * (inner - inner.mean((1, 3), keepdims=True) - normal * along)
        found = {"x": by_x.reshape(x.shape).astype(gradient.dtype)}
        if scale is None:
            return found
        by_scale = column_sum(wide * normal.reshape(x.shape))
        return found | {"scale": by_scale.astype(scale.dtype), "bias": column_sum(wide).astype(scale.dtype)}

    def _parted(self, x: Any) -> Any:
        return x.reshape(x.shape[0], -1, self.count, x.shape[-1] // self.count)

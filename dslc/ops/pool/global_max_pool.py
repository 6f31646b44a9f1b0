"""Maximum over all places."""

from math import prod
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class GlobalMaxPool(Op):
    """Largest element of each channel over all spatial axes; of equal ones the first gets the gradient.

    Shapes: `[batch, spatial..., channels]` to `[batch, channels]`, or with `keep` to `[batch, 1..., channels]`.
    Reference: Oquab et al., 2015, Is object localization for free?
    """

    keep: bool = False

    transparent = True
    keeps = ("x", "out")
    aliases = ("GlobalMaxPooling2D", "GlobalMaxPooling1D", "AdaptiveMaxPool2d")
    samples = (
        Sample(
            "global_max_pool",
            ("[batch, 2, 2, 2]",),
            "[batch, 2]",
            parameters=0,
            given=([[[[1.0, 10.0], [2.0, -20.0]], [[3.0, 30.0], [-6.0, 60.0]]]],),
            gives=[[3.0, 60.0]],
            source="by hand",
        ),
        Sample("global_max_pool(keep = true)", ("[batch, seq, 8]",), "[batch, 1, 8]"),
        Refused("global_max_pool", ("[batch, 8]",), "at least one spatial axis"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if x.rank < 3:
            raise Mismatch(f"needs a batch, at least one spatial axis and channels, and gets {x}", "leave it out", 0)
        return x.with_shape(x.shape[0], *((1,) * (x.rank - 2) if self.keep else ()), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x.max(tuple(range(1, x.ndim - 1)), keepdims=self.keep)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        x = kept["x"]
        places = x.reshape(x.shape[0], prod(x.shape[1:-1]), x.shape[-1])
        lines = (x.shape[0], 1, x.shape[-1])
        number = lax.broadcasted_iota(jnp.int32, places.shape, 1)
        first = jnp.where(places == kept["out"].reshape(lines), number, places.shape[1]).min(1, keepdims=True)
        return {"x": jnp.where(number == first, gradient.reshape(lines), 0).reshape(x.shape)}

    def cost(self, x: Type) -> Cost:
        return Cost(elements([x]), moved(x, self.infer(x)))

"""Dropout of whole channels."""

from typing import Any

from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, floating, moved, op
from dslc.ops.noise._hash import drop, dropping_key
from dslc.types import Type


@op
class SpatialDropout(Op):
    """In training each channel of an example becomes 0 at all places with probability `rate`, the others grow to match.

    Neighbouring places are alike, so that dropping them one by one would hide little. The identity outside of training.

    Shapes: `[batch, places..., channels]` to the same.
    Reference: Tompson, Goroshin, Jain, LeCun and Bregler, 2014, arXiv:1411.4280.
    """

    rate: float

    numbers = ("rate",)
    random = True
    transparent = True
    keeps = ()
    aliases = ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Dropout2d", "FeatureDropout")
    samples = (
        Sample(
            "spatial_dropout(0.5)",
            ("[batch, 1, 3]",),
            "[batch, 1, 3]",
            parameters=0,
            given=([[[1.0, -2.0, 3.0]]],),
            gives=[[[1.0, -2.0, 3.0]]],
            source="by hand: the identity outside of training",
        ),
        Refused("spatial_dropout(1.0)", ("[batch, 4, 3]",), "below 1"),
        Refused("spatial_dropout(0.1)", ("[batch]",), "channels"),
    )

    def infer(self, x: Type) -> Type:
        if not 0 <= self.rate < 1:
            raise Mismatch(f"`rate = {self.rate}` must be at least 0 and below 1", "spatial_dropout(0.1) drops a tenth")
        floating(x)
        if x.rank < 2:
            raise Mismatch(f"needs [batch, places..., channels], and gets {x}", "drop elements with `dropout`", 0)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self._dropped(x, ctx)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return {"x": self._dropped(gradient, ctx)}

    def cost(self, x: Type) -> Cost:
        # Outside of training nothing is computed, and XLA makes no copy.
        return Cost(0, moved(x, x))

    def _dropped(self, x: Any, ctx: Context) -> Any:
        key = dropping_key(ctx, self.rate)
        return x if key is None else drop(key, x, self.rate, (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1]))

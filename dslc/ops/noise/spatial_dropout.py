"""Dropout of whole channels."""

from dslc.ops.base import Mismatch, Refused, Sample, op
from dslc.ops.noise._dropping import Dropping
from dslc.types import Type


@op
class SpatialDropout(Dropping):
    """In training each channel of an example becomes 0 at all places with probability `rate`, the others grow to match.

    Neighbouring places are alike, so that dropping them one by one would hide little. The identity outside of training.

    Shapes: `[batch, places..., channels]` to the same.
    Reference: Tompson, Goroshin, Jain, LeCun and Bregler, 2014, arXiv:1411.4280.
    """

    rate: float

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

    def alike(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0], *(1,) * (len(shape) - 2), shape[-1])

    def infer(self, x: Type) -> Type:
        super().infer(x)
        if x.rank < 2:
            raise Mismatch(f"needs [batch, places..., channels], and gets {x}", "drop elements with `dropout`", 0)
        return x

"""Mean over all places."""

from typing import Any

from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class GlobalAvgPool(Op):
    """Mean of each channel over all spatial axes, which stay with size 1 when `keep` is true.

    Shapes: `[batch, spatial..., channels]` to `[batch, channels]`, or to `[batch, 1..., channels]`.
    Reference: Lin, Chen and Yan, 2013, arXiv:1312.4400.
    """

    keep: bool = False

    transparent = True
    linear = True
    aliases = ("GlobalAveragePooling2D", "GlobalAveragePooling1D", "AdaptiveAvgPool2d")
    samples = (
        Sample(
            "global_avg_pool",
            ("[batch, 2, 2, 2]",),
            "[batch, 2]",
            parameters=0,
            given=([[[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [6.0, 60.0]]]],),
            gives=[[3.0, 30.0]],
            source="by hand",
        ),
        Sample("global_avg_pool(keep = true)", ("[batch, h, w, 8]",), "[batch, 1, 1, 8]"),
        Refused("global_avg_pool", ("[batch, 8]",), "at least one spatial axis"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if x.rank < 3:
            raise Mismatch(f"needs a batch, at least one spatial axis and channels, and gets {x}", "leave it out", 0)
        return x.with_shape(x.shape[0], *((1,) * (x.rank - 2) if self.keep else ()), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x.mean(tuple(range(1, x.ndim - 1)), keepdims=self.keep)

    def cost(self, x: Type) -> Cost:
        return Cost(elements([x]), moved(x, self.infer(x)))

"""Channels laid out as places."""

from typing import Any

from dslc.dims import NotDivisible, exact_div
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.ops.conv._window import RANKS
from dslc.types import Type


@op
class PixelShuffle(Op):
    """Channels laid out as `factor` times as many places along each spatial axis: sub-pixel convolution.

    The channels of one place that go to one output channel stand side by side, as in PyTorch: number
    `(c * factor + row) * factor + column`.

    Shapes: `[batch, spatial..., channels * factor ** axes]` to `[batch, factor * spatial..., channels]`.
    Reference: Shi et al., 2016, arXiv:1609.05158.
    """

    factor: int

    linear = True
    transparent = True
    aliases = ("depth_to_space", "DepthToSpace", "SubPixelConv")
    samples = (
        Sample("pixel_shuffle(2)", ("[batch, h, w, 12]",), "[batch, 2 * h, 2 * w, 3]", parameters=0),
        Sample("pixel_shuffle(3)", ("[batch, 5, 6]",), "[batch, 15, 2]"),
        Sample(
            "pixel_shuffle(2)",
            ("[1, 1, 2, 4]",),
            "[1, 2, 4, 1]",
            given=([[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]]],),
            gives=[[[[1.0], [2.0], [5.0], [6.0]], [[3.0], [4.0], [7.0], [8.0]]]],
            source="worked by hand",
        ),
        Refused("pixel_shuffle(2)", ("[batch, 4, 4, 6]",), "does not divide by 4"),
        Refused("pixel_shuffle(0)", ("[batch, 4, 4, 4]",), "at least 1"),
        Refused("pixel_shuffle(2)", ("[batch, 8]",), "1 to 3 spatial axes"),
    )

    def infer(self, x: Type) -> Type:
        if x.rank not in RANKS:
            raise Mismatch(f"needs [batch, 1 to 3 spatial axes, channels], and gets {x}", None, 0)
        if self.factor < 1:
            raise Mismatch(f"`factor` must be at least 1, and is {self.factor}")
        parts = self.factor ** RANKS[x.rank]
        try:
            channels = exact_div(x.shape[-1], parts)
        except NotDivisible:
            reason = f"the number of channels is {x.shape[-1]}, which does not divide by {parts}"
            raise Mismatch(reason, f"make `{parts} * channels` of them: `-> conv({parts} * channels, 3)`", 0) from None
        return x.with_shape(x.shape[0], *(self.factor * size for size in x.shape[1:-1]), channels)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        rank, factor = x.ndim - 2, self.factor
        batch, *places, channels = x.shape
        apart = x.reshape(batch, *places, channels // factor**rank, *(factor,) * rank)
        # The parts of each axis behind the axis itself.
        order = [axis for place in range(rank) for axis in (1 + place, 2 + rank + place)]
        return apart.transpose(0, *order, 1 + rank).reshape(batch, *(factor * size for size in places), -1)

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

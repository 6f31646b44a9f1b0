"""Convolution of every channel by itself."""

from math import prod
from typing import Any

from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Lowering, Mismatch, Refused, Sample, Weight, elements, floating, moved, op
from dslc.ops.conv._lowering import convolved, lowerings
from dslc.ops.conv._step import Windowed
from dslc.ops.conv._window import Padding, Window
from dslc.types import Type


@op
class DepthwiseConv(Windowed):
    """Convolution of every channel by itself, with `multiplier` filters for each.

    The kernel is `[spatial..., 1, channels * multiplier]`; the outputs of a channel stand side by side.

    Shapes: `[batch, spatial..., channels]` to `[batch, places..., channels * multiplier]`.
    Reference: Sifre, 2014, Rigid-motion scattering for image classification; Chollet, 2016, arXiv:1610.02357.
    """

    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: Padding = "same"
    dilation: int | tuple[int, ...] = 1
    multiplier: int = 1
    bias: bool = True
    init: Initializer | None = None

    aliases = ("DepthwiseConv1D", "DepthwiseConv2D")
    precision = "half"
    samples = (
        Sample(
            "depthwise_conv(2)",
            ("[batch, 3, 2]",),
            "[batch, 3, 2]",
            parameters=6,
            given=([[[1.0, 0.0], [2.0, 5.0], [3.0, 0.0]]],),
            weights={"kernel": [[[10.0, 1.0]], [[1.0, -1.0]]], "bias": [0.5, 0.0]},
            gives=[[[12.5, -5.0], [23.5, 5.0], [30.5, 0.0]]],
            source='by hand: "same" puts the odd zero at the end',
        ),
        Sample(
            "depthwise_conv(3, stride = 2)",
            ("[batch, h, w, 8]",),
            "[batch, (h + 1) // 2, (w + 1) // 2, 8]",
            parameters=80,
        ),
        Sample(
            'depthwise_conv((3, 1), padding = "valid", dilation = 2, multiplier = 3, bias = false)',
            ("[batch, 9, 7, 4]",),
            "[batch, 5, 7, 12]",
            parameters=36,
        ),
        Sample('depthwise_conv(3, padding = "causal")', ("[batch, time, 2]",), "[batch, time, 2]", parameters=8),
        Refused("depthwise_conv(3)", ("[batch, 10]",), "1 to 3 spatial axes"),
        Refused("depthwise_conv(3, multiplier = 0)", ("[batch, 10, 4]",), "at least 1"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if self.multiplier < 1:
            raise Mismatch(f"`multiplier` must be at least 1, and is {self.multiplier}")
        return x.with_shape(x.shape[0], *self._window(x).places(x), x.shape[-1] * self.multiplier)

    def weights(self, x: Type) -> dict[str, Weight]:
        size, units = self._window(x).size, x.shape[-1] * self.multiplier
        fans = (prod(size), prod(size) * self.multiplier)
        kernel = Weight((*size, 1, units), self.init, *fans)
        return {"kernel": kernel} | ({"bias": Weight((units,), Zeros(), *fans)} if self.bias else {})

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        y = convolved(self, x, weights["kernel"], self._window(Type(x.shape)), x.shape[-1])
        return y + jnp.expand_dims(weights["bias"], tuple(range(y.ndim - 1))) if self.bias else y

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        each = 2 * prod(self._window(x).size) + self.bias
        return Cost(each * elements([out]), moved(x, out, *self.weights(x).values()))

    def lowerings(self, platform: str, x: Type) -> tuple[Lowering, ...]:
        channels: Any = x.shape[-1]
        return lowerings(platform, x, channels * self.multiplier, self._window(x), channels)

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.kernel, self.stride, self.padding, self.dilation)

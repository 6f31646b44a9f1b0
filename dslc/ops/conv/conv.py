"""Convolution."""

from math import prod
from typing import Any

from dslc.dims import NotDivisible, Size, exact_div, less
from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Lowering, Mismatch, Refused, Sample, Weight, elements, floating, moved, op
from dslc.ops.conv._lowering import convolved, lowerings
from dslc.ops.conv._step import Windowed
from dslc.ops.conv._window import Padding, Window
from dslc.types import Type


@op
class Conv(Windowed):
    """Sum of products of a kernel with every window of the input, along 1 to 3 spatial axes, as many as the input has.

    The kernel is `[spatial..., channels / groups, filters]` and is not mirrored (a cross-correlation, as everywhere).

    Shapes: `[batch, spatial..., channels]` to `[batch, places..., filters]`.
    Reference: LeCun et al., 1989, Backpropagation applied to handwritten zip code recognition.
    """

    filters: Size
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: Padding = "same"
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    bias: bool = True
    init: Initializer | None = None

    aliases = ("Conv1d", "Conv2d", "Conv3d", "Convolution2D")
    precision = "half"
    samples = (
        Sample(
            "conv(1, 2)",
            ("[batch, 3, 1]",),
            "[batch, 3, 1]",
            parameters=3,
            given=([[[1.0], [2.0], [3.0]]],),
            weights={"kernel": [[[10.0]], [[1.0]]], "bias": [0.5]},
            gives=[[[12.5], [23.5], [30.5]]],
            source='by hand: "same" puts the odd zero at the end',
        ),
        Sample(
            'conv(1, 2, stride = 2, padding = "valid", bias = false)',
            ("[batch, 2, 4, 1]",),
            "[batch, 1, 2, 1]",
            parameters=4,
            given=([[[[1.0], [2.0], [3.0], [4.0]], [[5.0], [6.0], [7.0], [8.0]]]],),
            weights={"kernel": [[[[1.0]], [[0.0]]], [[[0.0]], [[-1.0]]]]},
            gives=[[[[-5.0], [-5.0]]]],
            source="by hand: 1 - 6 and 3 - 8",
        ),
        Sample("conv(64, 7, stride = 2, padding = 3)", ("[batch, 32, 32, 3]",), "[batch, 16, 16, 64]", parameters=9472),
        Sample("conv(8, 3, groups = 4, dilation = 2)", ("[batch, h, w, 16]",), "[batch, h, w, 8]", parameters=296),
        Sample("conv(6, 1, stride = 2, bias = false)", ("[batch, 5, 5, 5, 4]",), "[batch, 3, 3, 3, 6]", parameters=24),
        Sample(
            'conv(4, 3, padding = "causal", dilation = 2)', ("[batch, time, 2]",), "[batch, time, 4]", parameters=28
        ),
        Sample("conv(4, 3, padding = ((1, 2), 0))", ("[batch, h, 5, 2]",), "[batch, h + 1, 3, 4]", parameters=76),
        Refused('conv(8, 3, padding = "causal")', ("[batch, 10, 10, 4]",), "a single axis of time"),
        Refused("conv(8, 3, padding = (1, 1))", ("[batch, 10, 4]",), "2 members"),
        Refused("conv(8, 3)", ("[batch, 10]",), "1 to 3 spatial axes"),
        Refused("conv(8, (3, 3))", ("[batch, 10, 4]",), "1 spatial axis"),
        Refused("conv(8, 3, groups = 3)", ("[batch, 10, 4]",), "does not divide by 3 groups"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if less(self.filters, 1) or self.groups < 1:
            raise Mismatch(f"`filters` and `groups` must be at least 1, and are {self.filters} and {self.groups}")
        places = self._window(x).places(x)
        for name, size, at in (("the number of channels", x.shape[-1], 0), ("`filters`", self.filters, None)):
            _divided(size, self.groups, name, at)
        return x.with_shape(x.shape[0], *places, self.filters)

    def weights(self, x: Type) -> dict[str, Weight]:
        size = self._window(x).size
        channels = _divided(x.shape[-1], self.groups, "the number of channels", 0)
        fans = (prod(size) * channels, prod(size) * self.filters)
        kernel = Weight((*size, channels, self.filters), self.init, *fans)
        return {"kernel": kernel} | ({"bias": Weight((self.filters,), Zeros(), *fans)} if self.bias else {})

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        y = convolved(self, x, weights["kernel"], self._window(Type(x.shape)), self.groups)
        return y + jnp.expand_dims(weights["bias"], tuple(range(y.ndim - 1))) if self.bias else y

    def cost(self, x: Type) -> Cost:
        out, weights = self.infer(x), self.weights(x)
        per_unit = 2 * elements([Type(weights["kernel"].shape[:-1])]) + self.bias
        return Cost(per_unit * elements([out]), moved(x, out, *weights.values()))

    def lowerings(self, platform: str, x: Type) -> tuple[Lowering, ...]:
        return lowerings(platform, x, self.filters, self._window(x), self.groups)  # pyright: ignore[reportArgumentType]

    def ahead(self, x: Type) -> int:
        # Its channels as examples, for the gradient by the kernel.
        return moved(x) if prod(self._window(x).size) > 1 and self.groups == 1 else 0

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.kernel, self.stride, self.padding, self.dilation)


def _divided(size: Size, groups: int, name: str, input: int | None) -> Size:
    try:
        return exact_div(size, groups)
    except NotDivisible:
        raise Mismatch(
            f"{name} is {size}, which does not divide by {groups} groups", "change `groups`", input
        ) from None

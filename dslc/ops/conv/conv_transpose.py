"""Transposed convolution."""

from math import prod
from typing import Any, Literal

from dslc.dims import Size, less
from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.ops.conv._transpose import kernel_gradient, spread
from dslc.ops.conv._window import Window
from dslc.ops.conv.conv import Conv
from dslc.types import Type


@op
class ConvTranspose(Op):
    """Every element spread over a window by a kernel, the windows `stride` apart and added: a convolution run backwards.

    The kernel is `[spatial..., channels, filters]`. `"same"` multiplies the size by the stride; `"valid"` keeps all that
    the windows reach, and `stride` for each element where the kernel is shorter than that, as Keras does; an int takes so
    many elements off both sides.

    Shapes: `[batch, spatial..., channels]` to `[batch, places..., filters]`.
    Reference: Zeiler, Krishnan, Taylor and Fergus, 2010, Deconvolutional networks.
    """

    filters: Size
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: Literal["same", "valid"] | int = "same"
    bias: bool = True
    init: Initializer | None = None

    keeps = ("x", "kernel")
    aliases = ("ConvTranspose1d", "ConvTranspose2d", "Conv2DTranspose", "Deconvolution")
    precision = "half"
    samples = (
        Sample(
            'conv_transpose(1, 3, stride = 2, padding = "valid")',
            ("[batch, 2, 1]",),
            "[batch, 5, 1]",
            parameters=4,
            given=([[[1.0], [10.0]]],),
            weights={"kernel": [[[1.0]], [[2.0]], [[3.0]]], "bias": [0.5]},
            gives=[[[1.5], [2.5], [13.5], [20.5], [30.5]]],
            source="by hand: 1, 2, 3 and 10, 20, 30 two places on",
        ),
        Sample(
            "conv_transpose(1, 2, stride = 2, bias = false)",
            ("[batch, 1, 2, 1]",),
            "[batch, 2, 4, 1]",
            parameters=4,
            given=([[[[1.0], [-1.0]]]],),
            weights={"kernel": [[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]]},
            gives=[[[[1.0], [2.0], [-1.0], [-2.0]], [[3.0], [4.0], [-3.0], [-4.0]]]],
            source="by hand: the kernel beside its negative",
        ),
        Sample("conv_transpose(8, 4, stride = 2)", ("[batch, h, w, 5]",), "[batch, 2 * h, 2 * w, 8]", parameters=648),
        Sample('conv_transpose(8, 4, padding = "valid")', ("[batch, 1, 1, 5]",), "[batch, 4, 4, 8]", parameters=648),
        Sample("conv_transpose(6, 3, stride = 2, padding = 1)", ("[batch, 5, 4]",), "[batch, 9, 6]", parameters=78),
        Refused("conv_transpose(8, 3)", ("[batch, 10]",), "1 to 3 spatial axes"),
        Refused("conv_transpose(0, 3)", ("[batch, 10, 2]",), "at least 1"),
        Refused("conv_transpose(8, 3, padding = 2)", ("[batch, 2, 4]",), "nothing is left"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if less(self.filters, 1):
            raise Mismatch(f"`filters` must be at least 1, and is {self.filters}")
        window = self._window(x)
        return x.with_shape(
            x.shape[0], *(self._along(window, axis, n) for axis, n in enumerate(x.shape[1:-1])), self.filters
        )

    def weights(self, x: Type) -> dict[str, Weight]:
        size, channels = self._window(x).size, x.shape[-1]
        fans = (prod(size) * channels, prod(size) * self.filters)
        kernel = Weight((*size, channels, self.filters), self.init, *fans)
        return {"kernel": kernel} | ({"bias": Weight((self.filters,), Zeros(), *fans)} if self.bias else {})

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        shape: Any = self.infer(Type(x.shape)).shape
        y = spread(x, weights["kernel"], self._window(Type(x.shape)), shape)
        return y + jnp.expand_dims(weights["bias"], tuple(range(y.ndim - 1))) if self.bias else y

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        x, kernel = kept["x"], kept["kernel"]
        window = self._window(Type(x.shape))
        by_bias = {"bias": gradient.sum(tuple(range(gradient.ndim - 1)))} if self.bias else {}
        back = Conv(x.shape[-1], self.kernel, self.stride, self.padding, bias=False)
        by_x = back.apply({"kernel": kernel.swapaxes(-1, -2)}, gradient, ctx=ctx)
        return {"x": by_x, "kernel": kernel_gradient(x, gradient, window)} | by_bias

    def cost(self, x: Type) -> Cost:
        out, weights = self.infer(x), self.weights(x)
        products = elements([Type(x.shape[:-1])]) * elements([Type(weights["kernel"].shape)])
        return Cost(2 * products + self.bias * elements([out]), moved(x, out, *weights.values()))

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.kernel, self.stride, self.padding)

    def _along(self, window: Window, axis: int, size: Size) -> Size:
        span, stride = window.span[axis], window.stride[axis]
        if self.padding == "same":
            return size * stride
        if self.padding == "valid":
            return size * stride + max(span - stride, 0)
        left = (size - 1) * stride + span - 2 * int(self.padding)
        if less(left, 1):
            raise Mismatch(
                f"nothing is left of axis {axis + 1} when `padding = {self.padding}` is taken off both sides",
                "use a smaller `padding`",
            )
        return left

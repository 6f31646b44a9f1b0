"""Long short-term memory of images."""

from math import prod
from typing import Any

from dslc.dims import Size, less
from dslc.initializers.base import Initializer
from dslc.initializers.forget_gate_ones import ForgetGateOnes
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.initializers.orthogonal import Orthogonal
from dslc.lazy import jnp
from dslc.ops._bits import scan
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.ops.conv._lowering import convolved
from dslc.ops.conv._window import Padding, Window
from dslc.ops.conv.conv import Conv
from dslc.ops.recurrent._lstm import FLOPS, forward
from dslc.types import Type


@op
class ConvLstm(Op):
    """Long short-term memory over a sequence of images: convolutions take the place of its products.

    The equations are those of `lstm`, gates in the order i f c o; the state and the cell are images, zeros at first. The
    convolution of the state pads "same".

    Shapes: `[batch, time, spatial..., channels]` to `[batch, time, places..., filters]`, with 1 to 3 spatial axes.
    Reference: Shi et al., 2015, arXiv:1506.04214 (without its products of cell and gates, as in Keras).
    """

    filters: Size
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: Padding = "same"
    init: Initializer = GlorotUniform()
    recurrent_init: Initializer = Orthogonal()

    aliases = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
    precision = "half"
    samples = (
        Sample("conv_lstm(2, 2)", ("[batch, time, 9, 8, 3]",), "[batch, time, 9, 8, 2]", parameters=168),
        Sample('conv_lstm(1, 2, padding = "valid")', ("[batch, 3, 4, 2]",), "[batch, 3, 3, 1]", parameters=28),
        Sample(
            "conv_lstm(1, 1)",
            ("[1, 2, 1, 1]",),
            "[1, 2, 1, 1]",
            parameters=12,
            given=([[[[1.0]], [[0.0]]]],),
            weights={
                "kernel": [[[0.0, 0.0, 1.0, 0.0]]],
                "recurrent": [[[0.0, 0.0, 0.0, 0.0]]],
                "bias": [0.0, 0.0, 0.0, 0.0],
            },
            gives=[[[[0.18169977]], [[0.09406533]]]],
            source="by hand: gates of a half, cells tanh(1) / 2 and tanh(1) / 4, and half of their tangents",
        ),
        Refused("conv_lstm(2, 3)", ("[batch, time, 3]",), "needs a sequence of images"),
        Refused("conv_lstm(0, 3)", ("[batch, time, 5, 3]",), "at least 1"),
        Refused("conv_lstm(2, (3, 3))", ("[batch, time, 5, 3]",), "1 spatial axis"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if less(self.filters, 1):
            raise Mismatch(f"`filters` must be at least 1, and is {self.filters}")
        if not 4 <= x.rank <= 6:
            reason = f"needs a sequence of images [batch, time, 1 to 3 spatial axes, channels], and gets {x}"
            raise Mismatch(reason, "for features of each step use `lstm`" if x.rank == 3 else None, 0)
        image = _step(x)
        return x.with_shape(*x.shape[:2], *self._window(image).places(image), self.filters)

    def weights(self, x: Type) -> dict[str, Weight]:
        size = self._window(_step(x)).size
        area, channels, units = prod(size), x.shape[-1], self.filters
        fans = (area * channels, area * units)
        return {
            "kernel": Weight((*size, channels, 4 * units), self.init, *fans),
            "recurrent": Weight((*size, units, 4 * units), self.recurrent_init, area * units, area * units),
            "bias": Weight((4 * units,), ForgetGateOnes()),
        }

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        batch, time, *image = x.shape
        steps = x.reshape(batch * time, *image)
        units, size = 4 * self.filters, weights["recurrent"].shape[:-2]
        first, again = Conv(units, self.kernel, self.stride, self.padding, bias=False), Conv(units, size, bias=False)
        window = Window(size, (1,) * len(size), (1,) * len(size), "same")
        joined = convolved(first, steps, weights["kernel"], self._window(Type(steps.shape)), 1)
        joined = joined + jnp.expand_dims(weights["bias"], tuple(range(joined.ndim - 1)))
        joined = joined.reshape(batch, time, *joined.shape[1:]).swapaxes(0, 1)

        def step(states: Any, part: Any) -> Any:
            state, cell = states
            now, cell, _ = forward(part + convolved(again, state, weights["recurrent"], window, 1), cell)
            return (now, cell), now

        nothing = jnp.zeros((*joined.shape[1:-1], joined.shape[-1] // 4), joined.dtype)
        _, states = scan(step, (nothing, widened(nothing)), joined)
        return states.swapaxes(0, 1)

    def cost(self, x: Type) -> Cost:
        out, weights = self.infer(x), self.weights(x)
        products = 2 * sum(elements([Type(weights[role].shape)]) for role in ("kernel", "recurrent"))
        flops = elements([Type(out.shape[:-1])]) * products + FLOPS * elements([out])
        return Cost(flops, moved(x, out, *weights.values()))

    def _window(self, image: Type) -> Window:
        return Window.over(image, self.kernel, self.stride, self.padding)


def _step(x: Type) -> Type:
    """The type of the images of one step."""
    return Type((x.shape[0], *x.shape[2:]), x.dtype)

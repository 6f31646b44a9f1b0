"""Convolution without shared weights."""

from math import prod
from typing import Any

from dslc.dims import Size, less
from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.ops.conv._window import Padding, Window, pad
from dslc.types import Type


@op
class LocallyConnected(Op):
    """Sum of products of every window with a kernel and a bias of its own: a convolution whose weights are not shared.

    Shapes: `[batch, spatial..., channels]` to `[batch, places..., filters]`, kernel `[places..., elements of a window, filters]`.
    Reference: LeCun, 1989, Generalization and network design strategies.
    """

    filters: Size
    kernel: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: Padding = "valid"
    bias: bool = True
    init: Initializer | None = None

    aliases = ("LocallyConnected1D", "LocallyConnected2D")
    precision = "half"
    samples = (
        Sample("locally_connected(2, 3)", ("[batch, 5, 4, 1]",), "[batch, 3, 2, 2]", parameters=120),
        Sample(
            "locally_connected(1, 2)",
            ("[1, 3, 1]",),
            "[1, 2, 1]",
            parameters=6,
            given=([[[1.0], [2.0], [3.0]]],),
            weights={"kernel": [[[1.0], [10.0]], [[0.0], [-1.0]]], "bias": [[0.5], [0.0]]},
            gives=[[[21.5], [-3.0]]],
            source="by hand: 1 + 20 + 0.5 and -3",
        ),
        Refused("locally_connected(0, 3)", ("[batch, 5, 4, 1]",), "at least 1"),
        Refused("locally_connected(2, 6)", ("[batch, 5, 1]",), "the window spans 6"),
        Refused("locally_connected(2, 3)", ("[batch, 5]",), "1 to 3 spatial axes"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if less(self.filters, 1):
            raise Mismatch(f"`filters` must be at least 1, and is {self.filters}")
        return x.with_shape(x.shape[0], *self._window(x).places(x), self.filters)

    def weights(self, x: Type) -> dict[str, Weight]:
        window = self._window(x)
        places, count = window.places(x), prod(window.size) * x.shape[-1]
        kernel = Weight((*places, count, self.filters), self.init, count, self.filters)
        return {"kernel": kernel} | ({"bias": Weight((*places, self.filters), Zeros())} if self.bias else {})

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        window = self._window(Type(x.shape))
        padded = pad(x, window.pads(x.shape), 0.0)
        windows = jnp.concatenate([window.taken(padded, offset) for offset in window.offsets()], -1)
        y = jnp.einsum("b...i,...if->b...f", windows, weights["kernel"])
        return y + weights["bias"][None] if self.bias else y

    def cost(self, x: Type) -> Cost:
        out, weights = self.infer(x), self.weights(x)
        per_unit = 2 * elements([Type(weights["kernel"].shape[-2:-1])]) + self.bias
        return Cost(per_unit * elements([out]), moved(x, out, *weights.values()))

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.kernel, self.stride, self.padding)

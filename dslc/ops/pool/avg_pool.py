"""Mean over windows."""

from functools import reduce
from math import prod
from typing import Any

from dslc.lazy import jnp, lax, np
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.conv._window import Padding, Pads, Window, pad
from dslc.types import Type

FEW = 64
"""Windows up to this size are read as so many slices; larger ones would make a long program."""


@op
class AvgPool(Op):
    """Mean of each window; where it reaches into the padding, of the elements inside, as in Keras.

    Shapes: `[batch, spatial..., channels]` to `[batch, places..., channels]`, with 1 to 3 spatial axes.
    Reference: LeCun et al., 1998, Gradient-based learning applied to document recognition.
    """

    size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    padding: Padding = "valid"

    transparent = True
    linear = True
    aliases = ("AvgPool1d", "AvgPool2d", "AvgPool3d", "AveragePooling2D")
    samples = (
        Sample(
            "avg_pool(2)",
            ("[batch, 2, 5, 1]",),
            "[batch, 1, 2, 1]",
            parameters=0,
            given=([[[[1.0], [2.0], [0.0], [2.0], [9.0]], [[3.0], [4.0], [-4.0], [0.0], [9.0]]]],),
            gives=[[[[2.5], [-0.5]]]],
            source="by hand: the fifth column has no whole window",
        ),
        Sample(
            'avg_pool(3, stride = 1, padding = "same")',
            ("[batch, 3, 1]",),
            "[batch, 3, 1]",
            given=([[[1.0], [2.0], [6.0]]],),
            gives=[[[1.5], [3.0], [4.0]]],
            source="by hand: the outer windows hold two elements each",
        ),
        Sample("avg_pool((2, 1), stride = 2, padding = 1)", ("[batch, h, 6, 3]",), "[batch, h // 2 + 1, 4, 3]"),
        Refused("avg_pool(0)", ("[batch, 8, 8, 3]",), "at least 1"),
        Refused("avg_pool(2)", ("[batch, 8]",), "1 to 3 spatial axes"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return x.with_shape(x.shape[0], *self._window(x).places(x), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        window = self._window(Type(x.shape))
        pads = window.pads(x.shape)
        total = widened(pad(x, pads, 0.0))
        for axis, (size, stride) in enumerate(zip(window.size, window.stride, strict=True), start=1):
            total = _summed(total, axis, size, stride)
        if not any(map(any, pads)):
            return (total / prod(window.size)).astype(x.dtype)
        shares = jnp.broadcast_to(_shares(window, x.shape[1:-1], pads), total.shape).astype(total.dtype)
        return (total * shares).astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost(prod(self._window(x).size) * elements([out]), moved(x, out))

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.size, self.size if self.stride is None else self.stride, self.padding, name="size")


def _summed(x: Any, axis: int, size: int, stride: int) -> Any:
    """Sums of windows along one axis."""
    places = (x.shape[axis] - size) // stride + 1
    if stride == size:
        # Windows side by side are an axis of their own: the gradient is then a broadcast.
        whole = lax.slice_in_dim(x, 0, places * size, axis=axis)
        return whole.reshape(*x.shape[:axis], places, size, *x.shape[axis + 1 :]).sum(axis + 1)
    if size > FEW:
        sizes, strides = ([number if i == axis else 1 for i in range(x.ndim)] for number in (size, stride))
        return lax.reduce_window(x, 0.0, lax.add, sizes, strides, "VALID")
    # XLA for CPUs runs slices 2 to 9 times as fast as its `reduce_window`, and their transpose 14 times.
    last = (places - 1) * stride + 1
    return sum(lax.slice_in_dim(x, start, start + last, stride, axis) for start in range(size))


def _shares(window: Window, sizes: tuple[int, ...], pads: Pads) -> Any:
    """One over the number of elements inside of each window, `[1, places..., 1]`."""
    counts = [
        np.convolve(np.pad(np.ones(size), around), np.ones(step), "valid")[::stride]
        for size, around, step, stride in zip(sizes, pads, window.size, window.stride, strict=True)
    ]
    inside = reduce(np.multiply.outer, counts)
    # A window that lies in the padding altogether has the sum 0.
    return jnp.asarray(1 / np.maximum(inside, 1))[None, ..., None]

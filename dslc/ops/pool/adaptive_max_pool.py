"""The largest of as many windows as are wanted."""

from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.pool._adaptive import sizes_of, windows
from dslc.types import Type


@op
class AdaptiveMaxPool(Op):
    """The largest of windows that share out each spatial axis, so that `size` places come out, however many go in.

    Window i of an axis with n elements goes from `floor(i * n / size)` to below `ceil((i + 1) * n / size)`: neighbours
    overlap where n does not divide by `size`.

    Shapes: `[batch, spatial..., channels]` to `[batch, size..., channels]`, with 1 to 3 spatial axes.
    Reference: He, Zhang, Ren and Sun, 2014, arXiv:1406.4729.
    """

    size: int | tuple[int, ...]

    transparent = True
    aliases = ("AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d", "AdaptiveMaxPooling2D")
    samples = (
        Sample("adaptive_max_pool(7)", ("[batch, 14, 14, 8]",), "[batch, 7, 7, 8]", parameters=0),
        Sample("adaptive_max_pool((2, 1))", ("[batch, h, w, 3]",), "[batch, 2, 1, 3]"),
        Sample(
            "adaptive_max_pool(2)",
            ("[1, 3, 1]",),
            "[1, 2, 1]",
            given=([[[1.0], [3.0], [-8.0]]],),
            gives=[[[3.0], [3.0]]],
            source="by hand: the middle one belongs to both",
        ),
        Refused("adaptive_max_pool(0)", ("[batch, 4, 4, 3]",), "at least 1"),
        Refused("adaptive_max_pool((2, 2))", ("[batch, 4, 3]",), "2 numbers"),
        Refused("adaptive_max_pool(2)", ("[batch, 3]",), "1 to 3 spatial axes"),
        Refused("adaptive_max_pool(2)", ("bool[batch, 3, 1]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return x.with_shape(x.shape[0], *sizes_of(x, self.size), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        for axis, size in enumerate(sizes_of(Type(x.shape), self.size), 1):
            x = _largest(x, axis, size)
        return x

    def cost(self, x: Type) -> Cost:
        flops, shape = 0, list(x.shape)
        for axis, size in enumerate(sizes_of(x, self.size), 1):
            count: Any = shape[axis]
            shape[axis] = 1
            flops += sum(stop - start - 1 for start, stop in windows(count, size)) * elements([Type(tuple(shape))])
            shape[axis] = size
        return Cost(flops, moved(x, self.infer(x)))


def _largest(x: Any, axis: int, size: int) -> Any:
    count = x.shape[axis]
    if count % size == 0:
        return x.reshape(*x.shape[:axis], size, count // size, *x.shape[axis + 1 :]).max(axis + 1)
    parts = (lax.slice_in_dim(x, start, stop, axis=axis) for start, stop in windows(count, size))
    return jnp.concatenate([part.max(axis, keepdims=True) for part in parts], axis)

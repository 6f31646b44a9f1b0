"""Means over as many windows as are wanted."""

from typing import Any

from dslc.lazy import np
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.pool._adaptive import sizes_of, windows
from dslc.ops.pool._mixed import mixed
from dslc.types import Type


@op
class AdaptiveAvgPool(Op):
    """Means over windows that share out each spatial axis, so that `size` places come out, however many go in.

    Window i of an axis with n elements goes from `floor(i * n / size)` to below `ceil((i + 1) * n / size)`: neighbours
    overlap where n does not divide by `size`.

    Shapes: `[batch, spatial..., channels]` to `[batch, size..., channels]`, with 1 to 3 spatial axes.
    Reference: He, Zhang, Ren and Sun, 2014, arXiv:1406.4729.
    """

    size: int | tuple[int, ...]

    linear = True
    transparent = True
    aliases = ("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveAveragePooling2D")
    samples = (
        Sample("adaptive_avg_pool(7)", ("[batch, 14, 14, 8]",), "[batch, 7, 7, 8]", parameters=0),
        Sample("adaptive_avg_pool((2, 1))", ("[batch, h, w, 3]",), "[batch, 2, 1, 3]"),
        Sample(
            "adaptive_avg_pool(2)",
            ("[1, 3, 1]",),
            "[1, 2, 1]",
            given=([[[1.0], [3.0], [8.0]]],),
            gives=[[[2.0], [5.5]]],
            source="by hand: the middle one belongs to both",
        ),
        Refused("adaptive_avg_pool(0)", ("[batch, 4, 4, 3]",), "at least 1"),
        Refused("adaptive_avg_pool((2, 2))", ("[batch, 4, 3]",), "2 numbers"),
        Refused("adaptive_avg_pool(2)", ("[batch, 3]",), "1 to 3 spatial axes"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return x.with_shape(x.shape[0], *sizes_of(x, self.size), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        out = widened(x)
        for axis, size in enumerate(sizes_of(Type(x.shape), self.size), 1):
            out = _shared_out(out, axis, size)
        return out.astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        flops, shape = 0, list(x.shape)
        for axis, size in enumerate(sizes_of(x, self.size), 1):
            count: Any = shape[axis]
            shape[axis] = size
            per_unit = count // size if count % size == 0 else 2 * count
            flops += per_unit * elements([Type(tuple(shape))])
        return Cost(flops, moved(x, self.infer(x)))


def _shared_out(x: Any, axis: int, size: int) -> Any:
    count = x.shape[axis]
    if count % size == 0:
        return x.reshape(*x.shape[:axis], size, count // size, *x.shape[axis + 1 :]).mean(axis + 1)
    places, shares = np.arange(count), np.zeros((size, count))
    for number, (start, stop) in enumerate(windows(count, size)):
        shares[number, (start <= places) & (places < stop)] = 1 / (stop - start)
    return mixed(x, axis, shares)

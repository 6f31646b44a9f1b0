"""Images brought to a size."""

from typing import Any, Literal

from dslc.lazy import jnp, np
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.conv._window import RANKS
from dslc.ops.pool._mixed import mixed
from dslc.types import Type


@op
class Resize(Op):
    """Every spatial axis brought to a size: the nearest element, or with `"bilinear"` straight lines between neighbours.

    The centres of the first and the last element stay half an element away from the rim (no aligned corners). Going
    down, elements between are left out: a pool before it would average them.

    Shapes: `[batch, spatial..., channels]` to `[batch, size..., channels]`, with 1 to 3 spatial axes.
    """

    size: int | tuple[int, ...]
    method: Literal["nearest", "bilinear"] = "bilinear"

    transparent = True
    linear = True
    aliases = ("Resizing", "interpolate", "ResizeBilinear")
    samples = (
        Sample("resize((4, 6))", ("[batch, 3, 5, 2]",), "[batch, 4, 6, 2]", parameters=0),
        Sample('resize(8, "nearest")', ("[batch, h, w, 3]",), "[batch, 8, 8, 3]"),
        Sample(
            "resize(3)",
            ("[1, 2, 1]",),
            "[1, 3, 1]",
            given=([[[0.0], [6.0]]],),
            gives=[[[0.0], [3.0], [6.0]]],
            source="by hand: a sixth, a half and five sixths of the way, ends held",
        ),
        Refused("resize(0)", ("[batch, 8, 3]",), "at least 1"),
        Refused("resize((2, 2))", ("[batch, 8, 3]",), "2 numbers"),
        Refused("resize(2)", ("[batch, 8]",), "1 to 3 spatial axes"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return x.with_shape(x.shape[0], *self._sizes(x), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        # In the width of sums: mixed in bf16, values up to 1 are off by 0.003.
        resized = widened(x)
        for axis, size in enumerate(self._sizes(Type(x.shape)), 1):
            if size != x.shape[axis]:
                resized = (_nearest if self.method == "nearest" else _between)(resized, size, axis)
        return resized.astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        flops, shape = 0, list(x.shape)
        for axis, size in enumerate(self._sizes(x), 1):
            count: Any = shape[axis]
            shape[axis] = size
            flops += 2 * count * elements([Type(tuple(shape))]) * (size != count)
        return Cost(flops if self.method == "bilinear" else 0, moved(x, self.infer(x)))

    def _sizes(self, x: Type) -> tuple[int, ...]:
        if x.rank not in RANKS:
            raise Mismatch(f"needs [batch, 1 to 3 spatial axes, channels], and gets {x}", None, 0)
        rank = RANKS[x.rank]
        sizes = (self.size,) * rank if isinstance(self.size, int) else self.size
        if len(sizes) != rank:
            reason = f"`size` has {len(sizes)} numbers, and {x} has {rank} spatial axes"
            raise Mismatch(reason, "give one number, or one for each axis")
        if min(sizes) < 1:
            raise Mismatch(f"`size` must be at least 1, and is {self.size}")
        return sizes


def _nearest(x: Any, size: int, axis: int) -> Any:
    return jnp.take(x, np.arange(size) * x.shape[axis] // size, axis)


def _between(x: Any, size: int, axis: int) -> Any:
    """A share of the neighbour below and of the one above each place."""
    count, row = x.shape[axis], np.arange(size)
    places = np.clip((row + 0.5) * count / size - 0.5, 0, count - 1)
    below = np.floor(places).astype(int)
    shares = np.zeros((size, count))
    shares[row, below] = 1 - (places - below)
    shares[row, np.minimum(below + 1, count - 1)] += places - below
    return mixed(x, axis, shares)

"""A rim around images."""

from typing import Any, Literal

from dslc.dims import less, less_equal
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.ops.conv._window import RANKS, sides_of
from dslc.types import Type

MODES = {"zeros": "constant", "reflect": "reflect", "edge": "edge", "wrap": "wrap"}


@op
class Pad(Op):
    """Places added around the spatial axes: zeros, what a mirror shows, copies of the outermost, or what the other end has.

    `amounts` is one number for all sides, or for each spatial axis a number or a pair (before, after).

    Shapes: `[batch, spatial..., channels]` to `[batch, spatial + amounts..., channels]`, with 1 to 3 spatial axes.
    """

    amounts: int | tuple[int | tuple[int, int], ...]
    mode: Literal["zeros", "reflect", "edge", "wrap"] = "zeros"

    transparent = True
    linear = True
    aliases = ("ZeroPadding2D", "ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d", "CircularPad2d")
    samples = (
        Sample("pad(1)", ("[batch, h, w, 3]",), "[batch, h + 2, w + 2, 3]"),
        Sample('pad(((1, 0), 2), "edge")', ("[batch, 3, 4, 2]",), "[batch, 4, 8, 2]"),
        Sample(
            "pad(((1, 2),))",
            ("[1, 2, 1]",),
            "[1, 5, 1]",
            given=([[[3.0], [4.0]]],),
            gives=[[[0.0], [3.0], [4.0], [0.0], [0.0]]],
            source="worked by hand",
        ),
        Sample(
            'pad(2, "reflect")',
            ("i32[1, 3, 1]",),
            "i32[1, 7, 1]",
            given=([[[1], [2], [3]]],),
            gives=[[[3], [2], [1], [2], [3], [2], [1]]],
            source="worked by hand",
        ),
        Refused("pad(1)", ("[batch, 3]",), "1 to 3 spatial axes"),
        Refused("pad(((1, 1),))", ("[batch, 4, 4, 3]",), "2 spatial axes"),
        Refused("pad(-1)", ("[batch, 4, 3]",), "negative"),
        Sample(
            'pad(((2, 1),), "wrap")',
            ("[1, 3, 1]",),
            "[1, 6, 1]",
            given=([[[1.0], [2.0], [3.0]]],),
            gives=[[[2.0], [3.0], [1.0], [2.0], [3.0], [1.0]]],
            source="worked by hand",
        ),
        Refused('pad(5, "wrap")', ("[batch, 4, 3]",), "at most 4"),
        Refused('pad(4, "reflect")', ("[batch, 4, 3]",), "shows at most 3"),
    )

    def infer(self, x: Type) -> Type:
        sides = self._sides(x)
        for axis, (size, (low, high)) in enumerate(zip(x.shape[1:-1], sides, strict=True), 1):
            if self.mode == "reflect" and less_equal(size, max(low, high)):
                raise Mismatch(f"axis {axis} has size {size}, and a mirror shows at most {size - 1}", "pad less", 0)
            if self.mode == "wrap" and less(size, max(low, high)):
                raise Mismatch(f"axis {axis} has size {size}, and goes around at most {size} places", "pad less", 0)
        sizes = (size + low + high for size, (low, high) in zip(x.shape[1:-1], sides, strict=True))
        return x.with_shape(x.shape[0], *sizes, x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.pad(x, ((0, 0), *self._sides(Type(x.shape)), (0, 0)), MODES[self.mode])

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, self.infer(x)))

    def _sides(self, x: Type) -> tuple[tuple[int, int], ...]:
        """What comes before and after each spatial axis."""
        if x.rank not in RANKS:
            raise Mismatch(f"needs [batch, 1 to 3 spatial axes, channels], and gets {x}", None, 0)
        return sides_of(self.amounts, x, "amounts")

"""A rim taken off images."""

from typing import Any

from dslc.dims import less_equal
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.ops.conv._window import RANKS, sides_of
from dslc.types import Type


@op
class Crop(Op):
    """Places taken off the ends of the spatial axes: the reverse of `pad`.

    `amounts` is one number for all sides, or for each spatial axis a number or a pair (before, after).

    Shapes: `[batch, spatial..., channels]` to `[batch, spatial - amounts..., channels]`, with 1 to 3 spatial axes.
    """

    amounts: int | tuple[int | tuple[int, int], ...]

    transparent = True
    linear = True
    aliases = ("Cropping1D", "Cropping2D", "Cropping3D", "CenterCrop")
    samples = (
        Sample("crop(1)", ("[batch, h, 9, 3]",), "[batch, h - 2, 7, 3]"),
        Sample("crop(((1, 0), 2))", ("[batch, 3, 5, 2]",), "[batch, 2, 1, 2]"),
        Sample(
            "crop(((1, 2),))",
            ("[1, 5, 1]",),
            "[1, 2, 1]",
            given=([[[1.0], [2.0], [3.0], [4.0], [5.0]]],),
            gives=[[[2.0], [3.0]]],
            source="worked by hand",
        ),
        Refused("crop(1)", ("[batch, 3]",), "1 to 3 spatial axes"),
        Refused("crop(((1, 1),))", ("[batch, 4, 4, 3]",), "2 spatial axes"),
        Refused("crop(-1)", ("[batch, 4, 3]",), "negative"),
        Refused("crop(2)", ("[batch, 4, 3]",), "nothing is left"),
    )

    def infer(self, x: Type) -> Type:
        sides = self._sides(x)
        for axis, (size, (low, high)) in enumerate(zip(x.shape[1:-1], sides, strict=True), 1):
            if less_equal(size, low + high):
                raise Mismatch(f"nothing is left of axis {axis}, which has size {size}", "take off less", 0)
        sizes = (size - low - high for size, (low, high) in zip(x.shape[1:-1], sides, strict=True))
        return x.with_shape(x.shape[0], *sizes, x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        inner = zip(x.shape[1:-1], self._sides(Type(x.shape)), strict=True)
        return x[:, *(slice(low, size - high) for size, (low, high) in inner)]

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost(0, moved(out, out))

    def _sides(self, x: Type) -> tuple[tuple[int, int], ...]:
        if x.rank not in RANKS:
            raise Mismatch(f"needs [batch, 1 to 3 spatial axes, channels], and gets {x}", None, 0)
        return sides_of(self.amounts, x, "amounts")

"""The same elements in another shape."""

from math import prod
from typing import Any

from dslc.dims import NotDivisible, Size, exact_div, less, same
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.types import Type


@op
class Reshape(Op):
    """The same elements, in the same order, in another shape; one size may be -1 and is worked out.

    Shapes: `[...]` to `[shape]`.
    """

    shape: tuple[Size, ...]
    aliases = ("View",)
    transparent = True
    linear = True
    view = True
    samples = (
        Sample("reshape([batch, 2, 6])", ("[batch, 4, 3]",), "[batch, 2, 6]"),
        Sample("reshape([-1, 3])", ("[batch, seq, 3]",), "[batch * seq, 3]"),
        Sample(
            "reshape([3, 2])",
            ("i32[2, 3]",),
            "i32[3, 2]",
            given=([[1, 2, 3], [4, 5, 6]],),
            gives=[[1, 2], [3, 4], [5, 6]],
            source="worked by hand",
        ),
        Refused("reshape([batch, 5])", ("[batch, 4]",), "elements"),
        Refused("reshape([-1, 5])", ("[2, 4]",), "divide"),
        Refused("reshape([-1, -1])", ("[2, 4]",), "two sizes"),
        Refused("reshape([-2, 4])", ("[2, 4]",), "-2"),
    )

    def infer(self, x: Type) -> Type:
        given = [size for size in self.shape if size != -1]
        if len(self.shape) - len(given) > 1:
            raise Mismatch("two sizes are -1, and only one can be worked out", "write one of them as a number")
        if wrong := next((size for size in given if less(size, 1)), None):
            raise Mismatch(f"a size is {wrong}", "sizes are at least 1; -1 stands for the one to work out")
        if len(given) < len(self.shape):
            rest = _quotient(x, prod(given))
            return x.with_shape(*(rest if size == -1 else size for size in self.shape))
        if same(x.size, prod(given)) is False:
            raise Mismatch(
                f"{x} has {x.size} elements, and [{', '.join(map(str, given))}] has {prod(given)}",
                "write one size as -1 to have it worked out",
                0,
            )
        return x.with_shape(*self.shape)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x.reshape(self.shape)

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))


def _quotient(x: Type, part: Size) -> Size:
    try:
        return exact_div(x.size, part)
    except NotDivisible:
        raise Mismatch(f"{x} has {x.size} elements, which {part} does not divide", input=0) from None

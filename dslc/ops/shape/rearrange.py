"""Axes split, joined and put in another order."""

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar

from dslc.dims import NotDivisible, Size, exact_div, less, same
from dslc.ops._time import Across, Axis, InTime, in_order
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.ops.shape._pattern import DOTS, Rearrangement
from dslc.types import Type


@op
class Rearrange(Op):
    """Splits, joins and reorders axes by a pattern of names, as einops does: `"b h (p q) -> b (h p) q"`.

    Sizes that the input does not tell are given by name: `rearrange("b (h p) -> b h p", p = 2)`. A `1` is an axis of
    size 1, `...` stands for any axes that stay together.

    Shapes: `[b, h, w, c]` to, say, `[b, h * w, c]`.
    Reference: Rogozhnikov, 2022, Einops: clear and reliable tensor manipulations with Einstein-like notation.
    """

    pattern: str
    sizes: tuple[tuple[str, Size], ...] = ()

    open: ClassVar[str] = "sizes"
    transparent = True
    linear = True
    aliases = ("einops",)
    samples = (
        Sample('rearrange("b h w c -> b (h w) c")', ("[batch, h, w, 3]",), "[batch, h * w, 3]"),
        Sample(
            'rearrange("b (h p) (w q) c -> b (h w) (p q) c", p = 7, q = 7)',
            ("[batch, 56, 7 * n, c]",),
            "[batch, 8 * n, 49, c]",
        ),
        Sample('rearrange("... (two d) -> two ... 1 d", two = 2)', ("[batch, seq, 2 * d]",), "[2, batch, seq, 1, d]"),
        Sample(
            'rearrange("(a b) -> b a", b = 3)',
            ("i32[6]",),
            "i32[3, 2]",
            given=([1, 2, 3, 4, 5, 6],),
            gives=[[1, 4], [2, 5], [3, 6]],
            source="worked by hand",
        ),
        Refused('rearrange("b h -> b w")', ("[batch, 3]",), "left side"),
        Refused('rearrange("b (h p) -> b h p")', ("[batch, 6]",), "`h` and `p`"),
        Refused('rearrange("b (h p) -> b h p", p = 4)', ("[batch, 6]",), "does not divide by 4"),
        Refused('rearrange("b c -> c b")', ("[batch, 6, 2]",), "2 axes"),
        Refused('rearrange("b c -> c b", c = 5)', ("[batch, 6]",), "size 6, and `c = 5`"),
        Refused('rearrange("b c -> c b", d = 5)', ("[batch, 6]",), "`d` is no axis"),
        Refused('rearrange("b, c -> c b")', ("[batch, 6]",), "means nothing"),
    )

    def infer(self, x: Type) -> Type:
        _, shape, _ = self._steps(x)
        return x.with_shape(*shape)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        (axis,), (x,) = time, types
        assert x is not None
        assert axis is not None
        apart, shape, order = self._steps(x)
        found = in_order(axis, x.shape, apart)
        if isinstance(found, Across):
            return found
        return in_order(order.index(found.outputs[0] or 0), [apart[place] for place in order], shape)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        apart, shape, order = self._steps(Type(x.shape))
        return x.reshape(apart).transpose(order).reshape(shape)

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

    def _steps(self, x: Type) -> tuple[tuple[Size, ...], tuple[Size, ...], tuple[int, ...]]:
        """The shape with an axis for each name, the shape at the end, and the order that leads from the one to the other."""
        pattern = Rearrangement.parse(self.pattern)
        given = dict(self.sizes)
        if unknown := next((name for name in given if name not in pattern.names() or name == DOTS), None):
            raise Mismatch(f"`{unknown}` is no axis of `{self.pattern}`", f"its axes are {' '.join(pattern.names())}")
        sizes = self._sizes(pattern, x, given)
        places: dict[str, tuple[int, ...]] = {}
        for name, found in sizes.items():
            start = sum(map(len, places.values()))
            places[name] = tuple(range(start, start + len(found)))
        order = tuple(place for axis in pattern.right for name in axis for place in places[name])
        shape: list[Size] = []
        for axis in pattern.right:
            one = [prod(size for name in axis for size in sizes[name])]
            shape += sizes[DOTS] if axis == (DOTS,) else one
        return tuple(size for found in sizes.values() for size in found), tuple(shape), order

    def _sizes(self, pattern: Rearrangement, x: Type, given: dict[str, Size]) -> dict[str, tuple[Size, ...]]:
        """The sizes of each name of the left side, in order: one, or any number of `...`."""
        dots = pattern.left.index((DOTS,)) if (DOTS,) in pattern.left else None
        named = len(pattern.left) - (dots is not None)
        if x.rank < named or (dots is None and x.rank > named):
            raise Mismatch(f"`{self.pattern}` names {named} axes, and the tensor is {x}", "name every axis", 0)
        found: dict[str, tuple[Size, ...]] = {}
        place = 0
        for number, axis in enumerate(pattern.left):
            if number == dots:
                found[DOTS] = x.shape[place : place + x.rank - named]
                place += x.rank - named
            else:
                found |= {name: (size,) for name, size in self._split(axis, x.shape[place], given).items()}
                place += 1
        return found

    def _split(self, axis: tuple[str, ...], size: Size, given: dict[str, Size]) -> dict[str, Size]:
        """The sizes of the names that make up an axis."""
        open_ = [name for name in axis if name not in given]
        known = prod(given[name] for name in axis if name in given)
        if less(known, 1):
            raise Mismatch(f"a size of `{self.pattern}` is below 1", "sizes are at least 1")
        if len(open_) > 1:
            names = " and ".join(f"`{name}`" for name in open_)
            raise Mismatch(f"an axis of size {size} does not tell {names} apart", f"give one: `{open_[-1]} = 2`", 0)
        if not open_:
            if not same(known, size):
                told = ", ".join(f"`{name} = {given[name]}`" for name in axis) or "`1`"
                raise Mismatch(f"an axis has size {size}, and {told} makes {known}", f"change `{self.pattern}`", 0)
            return {name: given[name] for name in axis}
        try:
            rest = exact_div(size, known)
        except NotDivisible:
            reason = f"an axis of size {size} does not divide by {known}"
            raise Mismatch(reason, f"change the sizes of `{self.pattern}`", 0) from None
        return {name: given.get(name, rest) for name in axis}

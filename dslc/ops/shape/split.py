"""A tensor in parts along an axis."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from dslc.dims import NotDivisible, Size, exact_div, same
from dslc.lazy import jnp
from dslc.ops._time import Across, Axis, InTime, Passage, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Split(Op):
    """Parts of a tensor along an axis: so many equal ones, or ones of the given sizes.

    Shapes: `[..., n]` to `[..., n / parts]` for each part.
    """

    parts: int | tuple[int, ...]
    axis: int = -1
    aliases = ("Chunk", "Unstack")
    linear = True
    keeps = ()
    samples = (
        Sample("split(2)", ("[batch, 2 * n]",), "[batch, n], [batch, n]"),
        Sample("split([1, 3], axis = 0)", ("[4, batch]",), "[1, batch], [3, batch]"),
        Sample(
            "split(3)",
            ("i32[6]",),
            "i32[2], i32[2], i32[2]",
            given=([1, 2, 3, 4, 5, 6],),
            gives=([1, 2], [3, 4], [5, 6]),
            source="worked by hand",
        ),
        Refused("split(2)", ("[batch, 5]",), "size 5"),
        Refused("split([1, 3])", ("[batch, 5]",), "add up to 4"),
        Refused("split(0)", ("[batch, 5]",), "at least 1"),
        Refused("split(2, axis = 2)", ("[batch, 4]",), "outside"),
    )

    def infer(self, x: Type) -> tuple[Type, ...]:
        axis = axis_of(self.axis, x.rank)
        sizes = self._sizes(x.shape[axis], axis)
        return tuple(x.with_shape(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in sizes)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        found = by_axis(time, types, (self.axis,))
        (x,) = types
        assert x is not None
        return found if isinstance(found, Across) else Passage(found.outputs * len(self.infer(x)))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        if isinstance(self.parts, int):
            return tuple(jnp.split(x, self.parts, self.axis))
        return tuple(jnp.split(x, list(accumulate(self.parts))[:-1], self.axis))

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": jnp.concatenate(gradient, self.axis)}

    def _sizes(self, size: Size, axis: int) -> tuple[Size, ...]:
        parts = (self.parts,) if isinstance(self.parts, int) else self.parts
        if not parts or min(parts) < 1:
            raise Mismatch(f"parts must be at least 1, and are {self.parts}")
        if not isinstance(self.parts, int):
            if same(sum(parts), size) is False:
                raise Mismatch(f"the parts add up to {sum(parts)}, and axis {axis} has size {size}", input=0)
            return parts
        try:
            return (exact_div(size, self.parts),) * self.parts
        except NotDivisible:
            raise Mismatch(
                f"axis {axis} has size {size}, which {self.parts} does not divide",
                "give the sizes of the parts: `split([...])`",
                0,
            ) from None

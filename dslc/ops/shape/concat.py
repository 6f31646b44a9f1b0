"""Tensors one after the other along an axis."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, joined
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Concat(Op):
    """Tensors one after the other along an axis, the other axes equal.

    Shapes: `[..., n]`, `[..., m]` to `[..., n + m]`.
    """

    axis: int = -1
    aliases = ("Concatenate", "Cat")
    transparent = True
    linear = True
    samples = (
        Sample("concat", ("[batch, 3]", "[batch, 4]"), "[batch, 7]"),
        Sample("concat(axis = 1)", ("[batch, n, 2]", "[batch, m, 2]", "[batch, 1, 2]"), "[batch, m + n + 1, 2]"),
        Sample(
            "concat(0)", ("i32[2]", "i32[1]"), "i32[3]", given=([1, 2], [3]), gives=[1, 2, 3], source="worked by hand"
        ),
        Refused("concat", ("[batch, 3]", "[4, 3]"), "axis 0 differs: batch and 4"),
        Refused("concat", ("[batch, 3]", "[batch]"), "2 and 1"),
        Refused("concat", ("[batch, 3]", "i32[batch, 3]"), "dtypes"),
        Refused("concat(2)", ("[batch, 3]", "[batch, 3]"), "outside"),
    )

    def infer(self, *xs: Type) -> Type:
        if not xs:
            raise Mismatch("needs at least one tensor", "give a tuple: `(a, b) -> concat`")
        axis = axis_of(self.axis, xs[0].rank)
        for position, x in enumerate(xs[1:], 1):
            _check_joins(xs[0], x, axis, position)
        sizes = list(xs[0].shape)
        for x in xs[1:]:
            sizes[axis] = sizes[axis] + x.shape[axis]
        return xs[0].with_shape(*sizes)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return joined(time, types, self.axis)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return jnp.concatenate(xs, self.axis)

    def cost(self, *xs: Type) -> Cost:
        return Cost(0, moved(*xs, *xs))


def _check_joins(first: Type, x: Type, axis: int, position: int) -> None:
    if x.dtype != first.dtype:
        raise Mismatch(
            f"the dtypes {first.dtype} and {x.dtype} do not mix",
            f'cast one of them: `-> cast("{first.dtype}")`',
            position,
        )
    if x.rank != first.rank:
        raise Mismatch(
            f"the numbers of axes differ: {first.rank} and {x.rank}",
            "give the shorter one an axis: `x[:, none]`",
            position,
        )
    for other, (a, b) in enumerate(zip(first.shape, x.shape, strict=True)):
        if other != axis and not same(a, b):
            raise Mismatch(f"axis {other} differs: {a} and {b}", f"only axis {axis} may differ", position)

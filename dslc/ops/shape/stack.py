"""Tensors along a new axis."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, joined
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Stack(Op):
    """Tensors of one shape along a new axis.

    Shapes: `[...]`, `[...]` to `[..., 2]`.
    """

    axis: int = -1
    aliases = ("Pack",)
    linear = True
    keeps = ()
    samples = (
        Sample("stack", ("[batch, 3]", "[batch, 3]"), "[batch, 3, 2]"),
        Sample("stack(axis = -2)", ("[batch, 3]",), "[batch, 1, 3]"),
        Sample(
            "stack(0)",
            ("i32[2]", "i32[2]", "i32[2]"),
            "i32[3, 2]",
            given=([1, 2], [3, 4], [5, 6]),
            gives=[[1, 2], [3, 4], [5, 6]],
            source="worked by hand",
        ),
        Refused("stack", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("stack", ("[batch, 3]", "[3]"), "2 and 1"),
        Refused("stack", ("[batch]", "i32[batch]"), "dtypes"),
        Refused("stack(3)", ("[batch]", "[batch]"), "outside"),
    )

    def infer(self, *xs: Type) -> Type:
        if not xs:
            raise Mismatch("needs at least one tensor", "give a tuple: `(a, b) -> stack`")
        axis = axis_of(self.axis, xs[0].rank + 1)
        for position, x in enumerate(xs[1:], 1):
            _check_equal(xs[0], x, position)
        return xs[0].with_shape(*xs[0].shape[:axis], len(xs), *xs[0].shape[axis:])

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return joined(time, types, self.axis, new=True)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return jnp.stack(xs, self.axis)

    def cost(self, *xs: Type) -> Cost:
        return Cost(0, moved(*xs, *xs))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        parts = jnp.split(gradient, gradient.shape[self.axis], self.axis)
        return {"xs": tuple(jnp.squeeze(part, self.axis) for part in parts)}


def _check_equal(first: Type, x: Type, position: int) -> None:
    if x.dtype != first.dtype:
        raise Mismatch(
            f"the dtypes {first.dtype} and {x.dtype} do not mix",
            f'cast one of them: `-> cast("{first.dtype}")`',
            position,
        )
    if x.rank != first.rank:
        raise Mismatch(f"the numbers of axes differ: {first.rank} and {x.rank}", "stack tensors of one shape", position)
    for axis, (a, b) in enumerate(zip(first.shape, x.shape, strict=True)):
        if not same(a, b):
            raise Mismatch(f"axis {axis} differs: {a} and {b}", "use `concat` along the axis that may differ", position)

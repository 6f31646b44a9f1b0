"""Axes in another order."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, Passage
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Transpose(Op):
    """Axes in another order: `axes` names, for each axis of the output, the one it was; all turned round by default.

    Shapes: `[n, m]` to `[m, n]`.
    """

    axes: tuple[int, ...] | None = None
    aliases = ("Permute", "T")
    linear = True
    keeps = ()
    samples = (
        Sample("transpose", ("[batch, 4, 3]",), "[3, 4, batch]"),
        Sample("transpose([0, 2, 1])", ("[batch, seq, 3]",), "[batch, 3, seq]"),
        Sample(
            "transpose([-1, 0])",
            ("i32[2, 3]",),
            "i32[3, 2]",
            given=([[1, 2, 3], [4, 5, 6]],),
            gives=[[1, 4], [2, 5], [3, 6]],
            source="worked by hand",
        ),
        Refused("transpose([0, 1])", ("[batch, 4, 3]",), "every axis once"),
        Refused("transpose([0, 0])", ("[batch, 4]",), "every axis once"),
        Refused("transpose([0, 2])", ("[batch, 4]",), "outside"),
    )

    def infer(self, x: Type) -> Type:
        order = self._order(x.rank)
        if sorted(order) != list(range(x.rank)):
            raise Mismatch(
                f"`axes` must name every axis once, and the tensor has {x.rank}", f"such as {list(range(x.rank))}"
            )
        return x.with_shape(*(x.shape[axis] for axis in order))

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        (axis,), (x,) = time, types
        assert x is not None
        assert axis is not None
        return Passage((self._order(x.rank).index(axis),))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.transpose(x, self._order(x.ndim))

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        order = self._order(gradient.ndim)
        return {"x": jnp.transpose(gradient, [order.index(axis) for axis in range(gradient.ndim)])}

    def _order(self, rank: int) -> tuple[int, ...]:
        if self.axes is None:
            return tuple(reversed(range(rank)))
        return tuple(axis_of(axis, rank, "axes") for axis in self.axes)

"""A tensor moved along an axis."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.dims import less_equal
from dslc.lazy import jnp, lax
from dslc.ops._time import Across, Axis, InTime, Memory, Passage, Stretch
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Shift(Op):
    """Elements moved `by` places along an axis; zeros come in, and what leaves is lost.

    `shift(-1, axis = 1)` of tokens is the next token at each place, `shift(1, axis = 1)` the one before.

    Shapes: `[...]` to the same.
    """

    by: int
    axis: int
    linear = True
    keeps = ()
    samples = (
        Sample("shift(-1, axis = 1)", ("i32[batch, seq]",), "i32[batch, seq]"),
        Sample("shift(2, axis = -2)", ("[batch, 5, 3]",), "[batch, 5, 3]"),
        Sample("shift(1, 0)", ("[3]",), "[3]", given=([1.0, 2.0, 3.0],), gives=[0.0, 1.0, 2.0], source="by hand"),
        Sample("shift(-1, 0)", ("bool[2]",), "bool[2]", given=([True, True],), gives=[True, False], source="by hand"),
        Refused("shift(1, axis = 2)", ("[batch, 3]",), "outside"),
        Refused("shift(3, axis = 1)", ("[batch, 3]",), "nothing is left"),
    )

    def infer(self, x: Type) -> Type:
        axis = axis_of(self.axis, x.rank)
        if less_equal(x.shape[axis], abs(self.by)):
            raise Mismatch(f"nothing is left of axis {axis}, which has size {x.shape[axis]}", "move it less far", 0)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self._moved(x, self.by)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        (axis,), (x,) = time, types
        assert x is not None
        assert axis is not None
        if axis != self.axis % x.rank or not self.by:
            return Passage((axis,))
        if self.by < 0:
            return Across("moves later positions to earlier ones")
        return Passage((axis,), (), {"last": Memory(self._last(x))})

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        (x,) = inputs
        axis = self.axis % x.ndim
        last = jnp.zeros(self._last(Type(x.shape)).shape, x.dtype) if memory is None else memory["last"]
        joined = jnp.concatenate([last, x], axis)
        length = x.shape[axis]
        out = lax.slice_in_dim(joined, 0, length, axis=axis)
        return out, {"last": lax.slice_in_dim(joined, length, length + self.by, axis=axis)}

    def _last(self, x: Type) -> Type:
        """As many positions as it moves by."""
        axis = self.axis % x.rank
        return x.with_shape(*x.shape[:axis], self.by, *x.shape[axis + 1 :])

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": self._moved(gradient, -self.by)}

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

    def _moved(self, x: Any, by: int) -> Any:
        size = x.shape[self.axis]
        by = max(-size, min(by, size))  # A size that was open when the type was checked may be smaller.
        around = [(0, 0, 0)] * x.ndim
        around[self.axis] = (by, -by, 0)
        return lax.pad(x, jnp.zeros((), x.dtype), around)

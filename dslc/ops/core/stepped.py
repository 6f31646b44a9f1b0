"""An op at a run of positions, which reads what it has kept of those before."""

from typing import Any

from dslc.ops._time import Axis, Passage, Stretch
from dslc.ops.base import Context, Cost, Op, Weight, op
from dslc.ops.core._wrapper import Wrapper
from dslc.types import Type


@op
class Stepped(Wrapper):
    """Computes `length` positions of an op by its own `step`.

    Inputs are those of the op, at these positions; then the number of the first of them; then what the op has kept, by name,
    unless nothing came before. Outputs are those of the op, and what is to be kept.

    Shapes: `[..., length, ...]`, `i32[]`, `[..., positions, ...]` to `[..., length, ...]`.
    """

    of: Op
    length: int
    first: bool
    """Nothing came before."""
    time: tuple[Axis, ...]
    """The axis of the positions in each input of the op."""
    types: tuple[Type | None, ...]
    """Of the inputs of the op, all positions at once."""

    def passage(self, *xs: Type | None) -> Passage:
        """How the op goes along the positions, for inputs of these dtypes."""
        found = self.of.in_time(self.time, *self._whole(xs))
        assert isinstance(found, Passage)
        return found

    def infer(self, *xs: Type | None) -> Any:
        passage, made = self.passage(*xs), self.of.infer(*self._whole(xs))
        outputs = made if isinstance(made, tuple) else (made,)
        memory = dict(passage.memory or {}).values()
        return (
            *(self._part(type, axis) for type, axis in zip(outputs, passage.outputs, strict=True)),
            *(self._part(kept.type, kept.axis) for kept in memory),
        )

    def weights(self, *xs: Type | None) -> Any:
        return self.of.weights(*self._whole(xs))

    def state(self, *xs: Type | None) -> "dict[str, Weight]":
        return {}

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        count = len(self.types)
        inputs, offset, kept = xs[:count], xs[count], xs[count + 1 :]
        memory = self.passage(*self.types).memory or {}
        before = None if self.first else dict(zip(memory, kept, strict=True))
        here = Stretch(offset, self._positions(self.types))
        out, now = self.of.step(weights, before, here, *inputs, ctx=ctx)
        return (*(out if isinstance(out, tuple) else (out,)), *(now[name] for name in memory))

    def cost(self, *xs: Type | None) -> Cost:
        # A run of positions has its share of the cost of all.
        whole = self._whole(xs)
        positions = self._positions(whole)
        cost = self.of.cost(*whole)
        return Cost(cost.flops * self.length // positions, cost.bytes * self.length // positions)

    def _positions(self, types: tuple[Type | None, ...]) -> int:
        """How many positions there are at most."""
        pairs = zip(types, self.time, strict=True)
        sizes = {type.shape[axis] for type, axis in pairs if type is not None and axis is not None}
        (most,) = sizes
        assert isinstance(most, int)
        return most

    def _whole(self, xs: tuple[Type | None, ...]) -> tuple[Type | None, ...]:
        """Types of all positions at once, in the dtypes that come in."""
        return tuple(
            None if x is None or type is None else type.with_dtype(x.dtype)
            for x, type in zip(xs, self.types, strict=False)
        )

    def _part(self, type: Type, axis: Axis) -> Type:
        return type if axis is None else type.with_shape(*type.shape[:axis], self.length, *type.shape[axis + 1 :])

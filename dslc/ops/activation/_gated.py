"""What the gated units share: two halves of the features, one of which opens the other."""

from collections.abc import Sequence
from typing import Any, ClassVar

from dslc.dims import NotDivisible, exact_div
from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, axis_of, elements, floating, moved
from dslc.types import Type


class Gated(Op):
    """First half of an axis times a function of the second half."""

    axis: int = -1
    flops: ClassVar[int]
    """Operations of the gate's function for one element."""
    starts = "glorot_uniform"

    def infer(self, x: Type) -> Type:
        floating(x)
        axis = axis_of(self.axis, x.rank)
        try:
            half = exact_div(x.shape[axis], 2)
        except NotDivisible:
            reason = f"axis {axis} has size {x.shape[axis]}, which has no two halves"
            raise Mismatch(reason, "give it twice as many features: `dense(2 * units)`", 0) from None
        return x.with_shape(*x.shape[:axis], half, *x.shape[axis + 1 :])

    def gate(self, x: Any) -> Any:
        """The function of the second half."""
        raise AssertionError(type(self).__name__)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, (self.axis,))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        held, gate = jnp.split(x, 2, self.axis)
        return held * self.gate(gate)

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost((self.flops + 1) * elements([out]), moved(x, out))

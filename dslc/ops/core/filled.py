"""A tensor of one number, made while a backward pass is built."""

from collections.abc import Sequence
from typing import Any

from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, Passage
from dslc.ops.base import Context, Cost, Op, moved, op
from dslc.ops.core._dtype import dtype_for
from dslc.types import Type


@op
class Filled(Op):
    """Tensor of one number: where a gradient starts, or the gradient of what has none.

    Of its input, a tensor of type `of`, only the dtype counts.

    Shapes: `of` to `type`.
    """

    value: float
    type: Type
    of: Type
    precision = "own"
    stops_gradient = True

    def infer(self, like: Type) -> Type:
        return self.type

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return Passage((None,))  # of what the tensor says nothing comes out

    def apply(self, weights: Any, like: Any, *, ctx: Context) -> Any:
        return jnp.full(self.type.shape, self.value, dtype_for(self.type, [(self.of, like)]))

    def cost(self, like: Type) -> Cost:
        return Cost(0, moved(self.type))

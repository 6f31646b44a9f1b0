"""The rows of a tensor, each by itself."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, moved, op
from dslc.types import Type


@op
class Unstack(Op):
    """Every entry along axis 0 as a tensor of its own: undoes `stack(0)`, and its gradient is that.

    Shapes: `[count, ...]` to `count` times `[...]`.
    """

    linear = True
    keeps = ()

    def infer(self, x: Type) -> tuple[Type, ...]:
        count = x.shape[0] if x.rank else 0
        if not isinstance(count, int) or not count:
            raise Mismatch("needs a first axis of known size")
        return (x.with_shape(*x.shape[1:]),) * count

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return tuple(x[place] for place in range(x.shape[0]))

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        rows = gradient if isinstance(gradient, tuple) else (gradient,)
        return {"x": jnp.stack(rows)}

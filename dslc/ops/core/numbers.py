"""Numbers in a row."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Op, moved, op
from dslc.types import JAX_DTYPES, Type


@op
class Numbers(Op):
    """Numbers that the source writes down or the compiler worked out, one for each iteration of a repeat.

    Shapes: nothing to `dtype[count]`.
    """

    values: tuple[float, ...]
    dtype: str = "f32"
    stops_gradient = True

    def infer(self) -> Type:
        return Type((len(self.values),), self.dtype)

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        return jnp.asarray(self.values, JAX_DTYPES[self.dtype])

    def cost(self) -> Cost:
        return Cost(0, moved(self.infer()))

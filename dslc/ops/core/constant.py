"""A number in the program."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Op, op
from dslc.types import JAX_DTYPES, Type


@op
class Constant(Op):
    """A number that the source writes down or the compiler worked out.

    Shapes: nothing to `dtype[]`.
    """

    value: float | int | bool
    dtype: str = "f32"

    def infer(self) -> Type:
        return Type((), self.dtype)

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        return jnp.asarray(self.value, JAX_DTYPES[self.dtype])

    def cost(self) -> Cost:
        return Cost()

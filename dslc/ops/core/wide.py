"""An op whose floats have 64 bits whatever goes in."""

from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops.base import Op, op
from dslc.ops.core._wrapper import Wrapper
from dslc.types import Type


@op
class Wide(Wrapper):
    """What an op gives, in float64 where it is float32: a draw, a fill, a quotient of integers.

    Shapes: those of the op.
    """

    of: Op
    single: bool = False
    """What goes in is rounded to float32 first: arithmetic on numbers that the source writes down is the program's own."""

    def infer(self, *xs: Type | None) -> Any:
        found = self.of.infer(*xs)
        return tuple(map(_wide, found)) if isinstance(found, tuple) else _wide(found)

    def apply(self, weights: Any, *xs: Any, ctx: Any) -> Any:
        given = _cast(xs, jnp.float64, jnp.float32) if self.single else xs
        return _cast(self.of.apply(weights, *given, ctx=ctx), jnp.float32, jnp.float64)


def _cast(arrays: Any, before: Any, after: Any) -> Any:
    return jax.tree.map(lambda array: array.astype(after) if array.dtype == before else array, arrays)


def _wide(type: Type) -> Type:
    return type.with_dtype("f64") if type.dtype == "f32" else type

"""What losses share that compare whole rows, the vectors along the last axis: checks of two rows, lengths, products."""

from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops.base import Mismatch, floating
from dslc.types import Type


def rows_of(x: Type, name: str = "x") -> Type:
    """The type of one number for each row.

    Raises:
        Mismatch: when there is no last axis.
    """
    if x.rank == 0:
        raise Mismatch(f"`{name}` is a single number where rows along a last axis are needed", None, 0)
    return Type(x.shape[:-1], x.dtype)


def must_equal(x: Type, other: Type, name: str, input: int) -> None:
    """Refuse an input of another shape than the first one, or without gradients.

    Raises:
        Mismatch: with both shapes.
    """
    if other.rank != x.rank or any(same(*pair) is False for pair in zip(x.shape, other.shape, strict=True)):
        raise Mismatch(f"`{name}` is {other} where {Type(x.shape)} is needed", f"give both the shape {x}", input)
    if not other.is_float:
        floating(*(None,) * input, other)


def length(x: Any) -> Any:
    """Euclidean length of each row, with a gradient of 0 at 0 instead of none."""
    square = jnp.sum(x * x, axis=-1)
    moved = square > 0
    return jnp.where(moved, jnp.sqrt(jnp.where(moved, square, 1)), 0)

"""What the norms share: their weights along the last axis."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Mismatch, floating
from dslc.types import Type


def check(x: Type, eps: float, rank: int) -> None:
    """Refuse what no norm takes.

    Raises:
        Mismatch: integers, too few axes, or an `eps` below 0.
    """
    floating(x)
    if x.rank < rank:
        raise Mismatch(f"needs at least {rank} axes, the last one of features, and gets {x}", None, 0)
    if not eps >= 0:
        raise Mismatch(f"`eps = {eps}` must not be negative", "use a small number: `eps = 1e-5`")


def row(weight: Any, x: Any) -> Any:
    """A weight of the last axis, in rank and dtype of `x`."""
    return weight.reshape((1,) * (x.ndim - 1) + weight.shape).astype(x.dtype)


def column_sum(x: Any) -> Any:
    """Sum over all axes but the last."""
    return jnp.sum(x, axis=tuple(range(x.ndim - 1)))

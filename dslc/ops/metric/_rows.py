"""How metrics of classes read their inputs: a right answer and a guess for every row, and what the row weighs."""

from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Mismatch, elements, floating
from dslc.ops.loss.base import must_broadcast
from dslc.types import Type


def rows(x: Type, target: Type, weight: Type | None) -> tuple[Type, bool]:
    """Type of one answer a row, and whether the rows are yes-or-no questions.

    They are where the target broadcasts to the shape of the logits; class numbers lack the last axis.

    Raises:
        Mismatch: when the target is neither.
    """
    floating(x)
    binary = target.rank != x.rank - 1 or not target.is_integer
    if binary:
        must_broadcast(target, x.shape, "target", 1)
    elif any(same(*pair) is False for pair in zip(target.shape, x.shape[:-1], strict=True)):
        raise Mismatch(f"`target` is {target} where the logits {x} need {Type(x.shape[:-1], 'i32')}", None, 1)
    kind = x if binary else Type(x.shape[:-1], x.dtype)
    if weight is not None:
        must_broadcast(weight, kind.shape, "weight", 2)
    return kind, binary


def answers(x: Any, target: Any) -> tuple[Any, Any]:
    """Right answers and guesses as int32: classes by the largest logit, yes by a logit above 0 (a target above 0.5)."""
    if target.ndim == x.ndim - 1 and jnp.issubdtype(target.dtype, jnp.integer):
        right = target.astype(jnp.int32)
        # A negative number is no class; as a place it would count from the last one.
        return jnp.where(right < 0, x.shape[-1], right), x.argmax(-1).astype(jnp.int32)
    yes = target > 0.5 if jnp.issubdtype(target.dtype, jnp.floating) else target.astype(bool)
    return jnp.broadcast_to(yes, x.shape).astype(jnp.int32), (x > 0).astype(jnp.int32)


def answers_flops(x: Type, target: Type, weight: Type | None) -> tuple[int, int]:
    """Operations of `answers`, and the number of rows."""
    kind, binary = rows(x, target, weight)
    # The largest logit takes comparisons of values, of places, with NaN, and two choices; a yes two comparisons.
    return (2 if binary else 6) * elements([x]), elements([kind])


def weighed(weight: Any, shape: tuple[int, ...], x: Any) -> Any:
    """What every row weighs: 1 without weights."""
    dtype = widened(x).dtype
    return jnp.ones(shape, dtype) if weight is None else jnp.broadcast_to(weight, shape).astype(dtype)

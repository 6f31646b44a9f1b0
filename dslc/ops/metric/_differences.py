"""What metrics of numbers share: a prediction and a target for every element, and what it weighs."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import wide, widened
from dslc.ops.base import floating
from dslc.ops.loss.base import must_broadcast
from dslc.ops.metric._rows import weighed
from dslc.types import Type

SKIPPING = 3
"""Operations for each element that may weigh nothing: whether it does, and two choices."""


def sums_type(x: Type, target: Type, weight: Type | None, *shape: Any) -> Type:
    """Type of sums of this shape over the elements of predictions.

    Raises:
        Mismatch: when target or weight do not broadcast to the predictions.
    """
    floating(x)
    must_broadcast(target, x.shape, "target", 1)
    if weight is not None:
        must_broadcast(weight, x.shape, "weight", 2)
    return Type(shape, wide(x.dtype))


def compared(x: Any, target: Any, weight: Any) -> tuple[Any, Any, Any]:
    """Predictions, targets and weights in one shape and dtype."""
    values, weights = widened(x), weighed(weight, x.shape, x)
    targets = jnp.broadcast_to(target, x.shape).astype(values.dtype)
    if weight is not None:
        # What weighs nothing need be no number.
        values, targets = (jnp.where(weights == 0, 0, part) for part in (values, targets))
    return values, targets, weights

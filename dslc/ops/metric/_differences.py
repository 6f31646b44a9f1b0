"""What metrics of numbers share: a prediction and a target for every element, and what it weighs."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import wide, widened
from dslc.ops.base import floating
from dslc.ops.loss.base import must_broadcast
from dslc.ops.metric._rows import weighed
from dslc.types import Type


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
    values = widened(x)
    return values, jnp.broadcast_to(target, x.shape).astype(values.dtype), weighed(weight, x.shape, x)

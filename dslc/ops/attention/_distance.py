"""What biases by distance read of their inputs: how many positions there are."""

from typing import Any

from dslc.ops.base import Mismatch, floating
from dslc.types import Type


def check(x: Type, memory: Type | None) -> None:
    """Refuse what has no positions.

    Raises:
        Mismatch: with the type.
    """
    floating(x, memory)
    for position, type in enumerate((x, memory)):
        if type is not None and type.rank < 2:
            reason = f"needs positions and features along the last two axes, and gets {type}"
            raise Mismatch(reason, None, position)


def lengths(x: Any, memory: Any) -> tuple[Any, Any]:
    """Number of queries and of keys, of types or of arrays."""
    return x.shape[-2], (x if memory is None else memory).shape[-2]

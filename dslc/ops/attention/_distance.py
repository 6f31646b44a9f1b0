"""What biases by distance read of their inputs: how many positions there are."""

from collections.abc import Sequence
from typing import Any

from dslc.lazy import jnp
from dslc.ops._time import UNKNOWN, Axis, InTime, Passage, Stretch
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


def by_query(time: Sequence[Axis], types: Sequence[Type | None]) -> InTime:
    """A bias of positions has a row for each query; nothing of the text is in it."""
    own = [None if type is None else type.rank - 2 for type in types]
    if time[0] != own[0] or any(axis != place for axis, place in zip(time, own, strict=True)):
        return UNKNOWN
    return Passage((1,), memory={})


def distances(here: Stretch, x: Any) -> Any:
    """How far each key stands behind each query of a run, `[query, key]`."""
    return (
        jnp.arange(here.most, dtype=jnp.int32)[None, :]
        - (here.first + jnp.arange(x.shape[-2], dtype=jnp.int32))[:, None]
    )

"""How an op goes along the positions of a sequence: each by itself, on what earlier ones left, or across them.

A model of text that is causal can be computed one position at a time. An op says, for inputs that have the positions along
an axis (or, None, that are the same at every one of them), what it needs for that: see `Op.in_time`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from dslc.dims import Size
from dslc.types import Type

Axis = int | None
"""The axis along which a tensor has the positions; None: it does not depend on them."""


@dataclass(frozen=True)
class Memory:
    """What an op keeps of the positions so far."""

    type: Type
    """With room for all positions."""
    axis: Axis = None
    """Each position adds its entry along this axis; None: each replaces the whole."""


@dataclass(frozen=True)
class Stretch:
    """A run of neighbouring positions: as many as the inputs have."""

    first: Any
    """The number of the first one, an int or a scalar array."""
    most: int
    """How many positions there are at most."""


@dataclass(frozen=True)
class Passage:
    """The op computes a position from its inputs there, and from what it has kept of earlier ones."""

    outputs: tuple[Axis, ...]
    """The axis of the positions in each output."""
    cuts: tuple[Axis, ...] = ()
    """For each input that does not depend on the positions: the axis along which only the present ones are taken."""
    memory: Mapping[str, Memory] | None = None
    """What it keeps, by name: then `Op.step` computes. None: `Op.apply` does."""


@dataclass(frozen=True)
class Across:
    """The op has no way to be computed position by position."""

    reason: str
    ahead: bool = field(default=True, kw_only=True)
    """A position surely reads what stands behind it."""


InTime = Passage | Across

ACROSS = Across("works across the positions")
UNKNOWN = Across("does not say how it goes along the positions", ahead=False)


def aligned(time: Sequence[Axis], types: Sequence[Type | None], across: Sequence[int] = ()) -> InTime:
    """For tensors that broadcast to the output, axes counted from the end; the op works across some axes of that."""
    rank = max(type.rank for type in types if type is not None)
    places = {axis - type.rank for axis, type in zip(time, types, strict=True) if axis is not None and type is not None}
    if len(places) > 1:
        return Across("meets the positions along two axes", ahead=False)
    (place,) = places
    if place in [axis % rank - rank for axis in across]:
        return ACROSS
    return Passage((rank + place,), tuple(_cut(place, *pair) for pair in zip(time, types, strict=True)))


def _cut(place: int, axis: Axis, type: Type | None) -> Axis:
    """The axis, as many from the end, along which an input that does not depend on the positions has them."""
    if axis is not None or type is None or type.rank < -place or type.shape[place] == 1:
        return None
    return type.rank + place


def by_axis(time: Sequence[Axis], types: Sequence[Type | None], across: Sequence[int], gone: bool = False) -> InTime:
    """For an op on one tensor that works across some axes, which the output lacks if they are gone."""
    (axis,), (x,) = time[:1], types[:1]
    assert axis is not None
    assert x is not None
    worked = {one % x.rank for one in across}
    if axis in worked:
        return ACROSS
    return Passage((axis - sum(one < axis for one in worked) if gone else axis,))


def in_order(axis: int, before: Sequence[Size], after: Sequence[Size]) -> InTime:
    """For the same elements in the same order in another shape."""
    for place, size in enumerate(after):
        if size == before[axis] and prod(after[:place]) == prod(before[:axis]):
            return Passage((place,))
    return Across("makes the positions one axis with others", ahead=False)


def joined(time: Sequence[Axis], types: Sequence[Type | None], axis: int, new: bool = False) -> InTime:
    """For tensors of one rank side by side along an axis, which may be new."""
    (place,), rank = {one for one in time if one is not None} if len({*time} - {None}) == 1 else (None,), 0
    if place is None:
        return Across("meets the positions along two axes", ahead=False)
    rank = max(type.rank for type in types if type is not None)
    axis %= rank + new
    if not new and axis == place:
        return Across("adds to the positions", ahead=False)
    cuts = tuple(place if one is None else None for one in time)
    return Passage((place + (new and axis <= place),), cuts)

"""How a mask is read: `[..., key]`, `[..., query, key]` or `[..., heads, query, key]`, leading axes lacking at will."""

from typing import Any

from dslc.dims import Size, same
from dslc.ops.base import Mismatch
from dslc.types import Type

Sizes = tuple[Size, ...]


def read(mask: Type, leading: Sizes, heads: int, query: Size, key: Size) -> int:
    """How many of the axes `heads, query, key` stand at the end of the mask.

    The shortest reading that is possible for all that is known counts. What `infer` reads with symbolic sizes, `apply`
    reads with those that they turn out to be: where that could differ the mask is refused.

    Raises:
        Mismatch: when no reading fits, or a longer one fits for sure and a shorter one perhaps.
    """
    readings = {count: _fits(mask.shape, (*leading, *(heads, query, key)[-count:]), count) for count in (1, 2, 3)}
    possible = [count for count, fits in readings.items() if fits is not False]
    full = Type((*leading, query, key), "bool")
    if not possible:
        raise Mismatch(f"`mask` is {mask} where {full} or a part of it is needed", "compare what makes it with `x`", 2)
    if readings[possible[0]] is None and any(readings[count] for count in possible):
        raise Mismatch(
            f"`mask` {mask} could stand for other axes than the last of {full}", "give it all axes: `mask[none]`", 2
        )
    return possible[0]


def spread_out(mask: Any, leading: tuple[int, ...], heads: int, query: int, key: int) -> Any:
    """The mask with all the axes of `[..., heads, query, key]`, those that it lacks with size 1."""
    count = read(Type(mask.shape, "bool"), leading, heads, query, key)
    before, named = mask.shape[:-count], mask.shape[-count:]
    return mask.reshape((1,) * (len(leading) - len(before)) + before + (1,) * (3 - count) + named)


def _fits(shape: Sizes, wanted: Sizes, named: int) -> bool | None:
    """Whether a shape broadcasts to the last axes of another, the named ones among them: surely, never, perhaps (None)."""
    if not named <= len(shape) <= len(wanted):
        return False
    answers = [size == 1 or same(size, want) for size, want in zip(reversed(shape), reversed(wanted), strict=False)]
    return False if False in answers else None if None in answers else True

"""How a mask is read: `[..., key]`, `[..., query, key]` or `[..., heads, query, key]`, leading axes lacking at will."""

from typing import Any

from dslc.dims import Size, same
from dslc.ops.base import Mismatch, broadcast
from dslc.types import Type

Sizes = tuple[Size, ...]


def check(mask: Type | None, bias: Type | None, leading: Sizes, scores: tuple[Size, Size, Size], input: int) -> None:
    """Refuse a mask or a position bias that does not fit the scores `[..., heads, query, key]`.

    Raises:
        Mismatch: with the type that is needed; the mask is the input at place `input`, and the bias the next.
    """
    if mask is not None:
        if mask.dtype != "bool":
            reason = f"`mask` must be bool, true where a key is visible, and is {mask}"
            raise Mismatch(reason, "compare it: `mask != 0`", input)
        read(mask, leading, *scores, input)
    if bias is not None:
        full = Type((*leading, *scores))
        if not bias.is_float or broadcast(full, bias) != full.shape:
            raise Mismatch(f"`position_bias` is {bias} where {full} or a part of it is needed", None, input + 1)


def check_window(window: int | None) -> None:
    """Refuse a window in which nothing is visible.

    Raises:
        Mismatch: with the least that it may be.
    """
    if window is not None and window < 1:
        raise Mismatch(f"`window` must be at least 1, which is the place itself, and is {window}", "window = 256")


def read(mask: Type, leading: Sizes, heads: Size, query: Size, key: Size, input: int = 2) -> int:
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
        raise Mismatch(
            f"`mask` is {mask} where {full} or a part of it is needed", "compare what makes it with `x`", input
        )
    if readings[possible[0]] is None and any(readings[count] for count in possible):
        raise Mismatch(
            f"`mask` {mask} could stand for other axes than the last of {full}", "give it all axes: `mask[none]`", input
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

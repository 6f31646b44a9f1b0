"""Slices, as NumPy writes them."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import Size, ceil_div, less, less_equal
from dslc.ops._time import UNKNOWN, Across, Axis, InTime, Passage
from dslc.ops.base import Context, Cost, Mismatch, Op, moved, op
from dslc.types import Type


@op
class Index(Op):
    """Part of a tensor by NumPy's basic indexing: `x[:, 0, none, 1:-1]`.

    An item is a size, a slice as `(start, stop, step)` whose members may be None, "none" for a new axis, or "...".
    Bounds must lie within the axis, and a slice holds at least one entry.

    Shapes: `[...]` to `[...]`.
    """

    items: tuple[object, ...]
    numbers = ("items",)
    linear = True

    def infer(self, x: Type) -> Type:
        shape: list[Size] = []
        axis = 0
        for item in _complete(self.items, x.rank):
            if isinstance(item, str):
                shape.append(1)
                continue
            if isinstance(item, tuple):
                shape.append(_length(item, x.shape[axis], axis))
            else:
                _check_entry(item, x.shape[axis], axis)
            axis += 1
        return x.with_shape(*shape)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        (axis,), (x,) = time, types
        assert x is not None
        place = 0
        taken = 0
        for item in _complete(self.items, x.rank):
            if item == "none":
                place += 1
                continue
            if taken == axis:
                return _along(item, place)
            taken, place = taken + 1, place + isinstance(item, tuple)
        return UNKNOWN

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x[tuple(_for_arrays(item) for item in self.items)]

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost(0, moved(out, out))


def _along(item: Any, place: int) -> InTime:
    """What an item does to the axis of the positions, which it leaves at a place of the output."""
    if not isinstance(item, tuple):
        return Across("picks a position for all", ahead=item != 0)
    start, stop, step = item  # pyright: ignore[reportUnknownVariableType]
    if step not in (None, 1):
        return Across("takes the positions in another order", ahead=isinstance(step, int) and step < 0)
    if isinstance(start, int) and start < 0:
        return Across("takes the last positions")
    return Passage((place,)) if start in (None, 0) and stop is None else Across("cuts the positions", ahead=False)


def _complete(items: tuple[Any, ...], rank: int) -> tuple[Any, ...]:
    """The items with whole axes in the place of "...", at the end where there is none."""
    taken = sum(not isinstance(item, str) for item in items)
    if taken > rank:
        raise Mismatch(f"{taken} axes are indexed, and the tensor has {rank}", "leave out an index")
    whole = ((None, None, None),) * (rank - taken)
    at = next((place for place, item in enumerate(items) if isinstance(item, str) and item == "..."), len(items))
    return (*items[:at], *whole, *items[at + 1 :])


def _check_entry(entry: Size, size: Size, axis: int) -> None:
    if less_equal(size, entry) or less(entry, -size):
        raise Mismatch(f"index {entry} is outside of axis {axis}, which has size {size}", f"use {-size} to {size - 1}")


def _length(item: tuple[Any, Any, Any], size: Size, axis: int) -> Size:
    """Number of entries that a slice takes."""
    start, stop, step = item
    step = 1 if step is None else step
    if step == 0:
        raise Mismatch("the step of a slice is 0", "use 1, or -1 to turn the axis round")
    forward = step > 0
    first = _bound(start, size, axis, 0 if forward else size - 1)
    end = _bound(stop, size, axis, size if forward else -1)
    length = ceil_div(end - first, step) if forward else ceil_div(first - end, -step)
    if less(length, 1):
        raise Mismatch(f"a slice of axis {axis} from {first} to {end} is empty", "move its bounds apart")
    return length


def _bound(bound: Size | None, size: Size, axis: int, default: Size) -> Size:
    """A bound of a slice, counted from the front."""
    if bound is None:
        return default
    placed = bound + size if less(bound, 0) else bound
    if less(size, placed) or less(placed, 0):
        raise Mismatch(f"the bound {bound} is outside of axis {axis}, which has size {size}", f"use {-size} to {size}")
    return placed


def _for_arrays(item: Any) -> Any:
    if isinstance(item, tuple):
        return slice(*item)
    return {"none": None, "...": Ellipsis}.get(item, item) if isinstance(item, str) else item

"""Windows that slide over the spatial axes of `[batch, spatial..., channels]`: what convolutions and pools share."""

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from dslc.dims import Size, ceil_div, floor_div, less
from dslc.lazy import lax
from dslc.ops.base import Mismatch
from dslc.types import Type

Padding = Literal["same", "valid", "causal"] | int | tuple[int | tuple[int, int], ...]
Pads = tuple[tuple[int, int], ...]

RANKS = {3: 1, 4: 2, 5: 3}


@dataclass(frozen=True)
class Window:
    """Size, stride and dilation along each spatial axis, and the padding of all of them.

    `"same"` gives `ceil(n / stride)` places and pads as Keras and XLA do: evenly, the odd one at the end. `"causal"` pads
    before a single axis, so that no window looks ahead. An int is for all sides, a tuple has an int or a pair for each axis.
    """

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Padding

    @classmethod
    def over(
        cls,
        x: Type,
        size: int | tuple[int, ...],
        stride: int | tuple[int, ...],
        padding: Padding,
        dilation: int | tuple[int, ...] = 1,
        name: str = "kernel",
    ) -> "Window":
        """The window of settings over the spatial axes of `x`.

        Raises:
            Mismatch: when `x` has no 1 to 3 spatial axes, or a setting does not fit them.
        """
        if x.rank not in RANKS:
            raise Mismatch(
                f"needs [batch, 1 to 3 spatial axes, channels], and gets {x}",
                "give images a channel: `-> reshape([batch, height, width, 1])`" if x.rank < 5 else None,
                0,
            )
        if padding not in ("same", "valid", "causal"):
            sides_of(padding, x, "padding")
        rank = RANKS[x.rank]
        if padding == "causal" and rank > 1:
            raise Mismatch(f'"causal" is for a single axis of time, and {x} has {rank} spatial axes', "pad explicitly")
        return cls(_each(size, rank, name), _each(stride, rank, "stride"), _each(dilation, rank, "dilation"), padding)

    @property
    def span(self) -> tuple[int, ...]:
        """Reach of the window along each axis, gaps included."""
        return tuple((size - 1) * dilation + 1 for size, dilation in zip(self.size, self.dilation, strict=True))

    @property
    def rank(self) -> int:
        return len(self.size)

    @property
    def tiles(self) -> bool:
        """Whether the windows lie side by side, without gap or overlap."""
        return self.span == self.stride == self.size

    def places(self, x: Type) -> tuple[Size, ...]:
        """How many windows fit along each spatial axis of `x`.

        Raises:
            Mismatch: when an axis is shorter than the window.
        """
        return tuple(self._along(axis, size) for axis, size in enumerate(x.shape[1:-1]))

    def pads(self, shape: tuple[int, ...]) -> Pads:
        """Padding before and after each spatial axis of an array of `shape`."""
        if self.padding == "valid":
            return ((0, 0),) * self.rank
        if self.padding == "causal":
            return ((self.span[0] - 1, 0),)
        if not isinstance(self.padding, str):
            return sides_of(self.padding, Type(shape), "padding")
        pads: list[tuple[int, int]] = []
        for size, span, stride in zip(shape[1:-1], self.span, self.stride, strict=True):
            total = max((-(-size // stride) - 1) * stride + span - size, 0)
            pads.append((total // 2, total - total // 2))
        return tuple(pads)

    def offsets(self) -> list[tuple[int, ...]]:
        """The elements of the window, in row-major order, as distances from its corner."""
        steps = [range(0, span, dilation) for span, dilation in zip(self.span, self.dilation, strict=True)]
        return list(product(*steps))

    def taken(self, padded: Any, offset: tuple[int, ...]) -> Any:
        """The element at this offset of every window, from an array that is padded already."""
        places = [
            (n - span) // stride + 1 for n, span, stride in zip(padded.shape[1:-1], self.span, self.stride, strict=True)
        ]
        stop = [start + (n - 1) * stride + 1 for start, n, stride in zip(offset, places, self.stride, strict=True)]
        batch, channels = padded.shape[0], padded.shape[-1]
        return lax.slice(padded, (0, *offset, 0), (batch, *stop, channels), (1, *self.stride, 1))

    def _along(self, axis: int, size: Size) -> Size:
        if self.padding == "same":
            return ceil_div(size, self.stride[axis])
        if self.padding == "causal":
            return ceil_div(size, self.stride[axis])
        around = 0 if isinstance(self.padding, str) else sum(_sides(self.padding, self.rank)[axis])
        if less(size + around, self.span[axis]):
            raise Mismatch(
                f"axis {axis + 1} has {size + around} elements, padding included, and the window spans {self.span[axis]}",
                'use `padding = "same"`, or a smaller window',
                0,
            )
        return floor_div(size + around - self.span[axis], self.stride[axis]) + 1


def sides_of(amounts: int | tuple[int | tuple[int, int], ...], x: Type, name: str) -> Pads:
    """What a setting says for before and after each spatial axis of `x`.

    Raises:
        Mismatch: when it has no member for each axis, or one is negative.
    """
    rank = RANKS[x.rank]
    if not isinstance(amounts, int) and len(amounts) != rank:
        axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
        members = "1 member" if len(amounts) == 1 else f"{len(amounts)} members"
        reason = f"`{name}` has {members} where the input has {axes}"
        raise Mismatch(reason, "give one number for all sides, or for each axis a number or a pair")
    sides = _sides(amounts, rank)
    if any(len(pair) != 2 or min(pair) < 0 for pair in sides):
        raise Mismatch(
            f"`{name} = {amounts}` must not be negative", "give each axis a number of places, or a pair of them"
        )
    return sides


def _sides(amounts: int | tuple[int | tuple[int, int], ...], rank: int) -> Pads:
    each = (amounts,) * rank if isinstance(amounts, int) else amounts
    return tuple((amount, amount) if isinstance(amount, int) else amount for amount in each)


def pad(x: Any, pads: Pads, value: float) -> Any:
    """The array with its spatial axes padded with a value."""
    if not any(map(any, pads)):
        return x
    return lax.pad(x, lax.full((), value, x.dtype), [(0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)])


def _each(setting: int | tuple[int, ...], rank: int, name: str) -> tuple[int, ...]:
    values = (setting,) * rank if isinstance(setting, int) else tuple(setting)
    if len(values) != rank:
        axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
        numbers = "1 number" if len(values) == 1 else f"{len(values)} numbers"
        way = f"write `{name} = {values[0] if values else 1}`" + (f", or {rank} numbers" if rank > 1 else "")
        raise Mismatch(f"`{name}` has {numbers} where the input has {axes}", way)
    if any(value < 1 for value in values):
        shown = setting if isinstance(setting, int) else list(setting)
        raise Mismatch(f"`{name}` must be at least 1, and is {shown}", f"write `{name} = 1` or more")
    return values

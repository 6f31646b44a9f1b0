"""Windows that slide over the spatial axes of `[batch, spatial..., channels]`: what convolutions and pools share."""

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from dslc.dims import Size, ceil_div, floor_div, less
from dslc.lazy import lax
from dslc.ops.base import Mismatch
from dslc.types import Type

Padding = Literal["same", "valid"] | int
Pads = tuple[tuple[int, int], ...]

RANKS = {3: 1, 4: 2, 5: 3}


@dataclass(frozen=True)
class Window:
    """Size, stride and dilation along each spatial axis, and the padding of all of them.

    `"same"` gives `ceil(n / stride)` places and pads as Keras and XLA do: evenly, the odd one at the end.
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
        if isinstance(padding, int) and padding < 0:
            raise Mismatch(f"`padding = {padding}` must not be negative", 'use an int, "same" or "valid"')
        rank = RANKS[x.rank]
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
        if isinstance(self.padding, int):
            return ((self.padding, self.padding),) * self.rank
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
        around = 0 if self.padding == "valid" else 2 * int(self.padding)
        if less(size + around, self.span[axis]):
            raise Mismatch(
                f"axis {axis + 1} has {size + around} elements, padding included, and the window spans {self.span[axis]}",
                'use `padding = "same"`, or a smaller window',
                0,
            )
        return floor_div(size + around - self.span[axis], self.stride[axis]) + 1


def pad(x: Any, pads: Pads, value: float) -> Any:
    """The array with its spatial axes padded with a value."""
    if not any(map(any, pads)):
        return x
    return lax.pad(x, lax.full((), value, x.dtype), [(0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)])


def _each(setting: int | tuple[int, ...], rank: int, name: str) -> tuple[int, ...]:
    values = (setting,) * rank if isinstance(setting, int) else tuple(setting)
    if len(values) != rank:
        axes = "1 spatial axis" if rank == 1 else f"{rank} spatial axes"
        raise Mismatch(f"`{name}` has {len(values)} numbers where the input has {axes}", f"use one number, or {rank}")
    if any(value < 1 for value in values):
        raise Mismatch(f"`{name}` must be at least 1, and is {setting}")
    return values

"""How a convolution is handed to XLA, which on CPUs knows only the plain one well."""

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._choice import lowered, type_of
from dslc.ops._wide import widened
from dslc.ops.base import Lowering, Op, moved
from dslc.ops.conv._gradient import AXES, single
from dslc.ops.conv._window import Pads, Window, pad
from dslc.types import Type

PLAIN, PRODUCT, TILES = "XLA's convolution", "product", "product of tiles"
WHOLE, PIECES = "own gradients", "own gradients, the kernel's in pieces"
SHIFTS, SPLIT = "shifts", "a convolution for each group"
RATES = {
    PLAIN: 5e9, PRODUCT: 1e11, TILES: 1e11, WHOLE: 3.75e10, PIECES: 5e10, SHIFTS: 1e10, SPLIT: 5e10
}  # fmt: skip
"""Operations a second on two cores of a CPU, gradients included, in a loop (docs/measured.md)."""
GROUPED = 2e9
"""The same of XLA's grouped convolution."""
ELSEWHERE = {PLAIN: 1e13, PRODUCT: 2e13, TILES: 2e13}
"""On other devices, where XLA's convolution has fast kernels for all three."""
FEW = 32
"""Groups of a channel each that are worth a convolution each: more take minutes to compile where all ways are timed."""
BYTES = 2e10
START, PLACE = 2e-5, 7e-8
"""Seconds to start a convolution with its gradients, and for each of its places, however few channels it has."""


def lowerings(platform: str, x: Type, filters: int, window: Window, groups: int) -> tuple[Lowering, ...]:
    """The ways that are right for a window on `[batch, spatial..., channels]`, with what they take."""
    places: Any = prod(window.places(x))
    batch, channels = (int(size) for size in (x.shape[0], x.shape[-1]))  # pyright: ignore[reportArgumentType]
    flops = 6.0 * batch * places * prod(window.size) * channels // groups * filters
    rates = RATES if platform == "cpu" else ELSEWHERE

    def seconds(name: str) -> float:
        if name == SPLIT:
            return groups * (START + batch * places * PLACE) + flops / RATES[SPLIT]
        if name == PLAIN and groups > 1 and platform == "cpu":
            return flops / GROUPED
        return flops / rates[name] + (4 * moved(x) / BYTES if name == TILES and platform == "cpu" else 0)

    return tuple(Lowering(name, seconds(name)) for name in _right(x, window, groups) if name in rates)


def _right(x: Type, window: Window, groups: int) -> Iterator[str]:
    """The names of the ways that are right."""
    yield PLAIN
    shape: Any = x.shape
    if groups > 1:
        depthwise = groups == shape[-1]
        if depthwise:
            yield SHIFTS
        if not depthwise or groups <= FEW:
            yield SPLIT
        return
    if set(window.size) == {1}:
        yield PRODUCT
    elif window.tiles:
        yield TILES
    yield WHOLE
    if shape[0] > 1:
        yield PIECES


def convolved(op: Op, x: Any, kernel: Any, window: Window, groups: int) -> Any:
    """The convolution of `[batch, spatial..., channels]` with `[spatial..., channels / groups, filters]`, as is best for `op`."""
    pads = window.pads(x.shape)
    ways = {
        PLAIN: partial(_plain, window, pads, groups),
        PRODUCT: lambda x, kernel: (
            window.taken(pad(x, pads, 0.0), (0,) * window.rank) @ kernel.reshape(kernel.shape[-2:])
        ),
        TILES: lambda x, kernel: _tiles(pad(x, pads, 0.0), window) @ kernel.reshape(-1, kernel.shape[-1]),
        WHOLE: lambda x, kernel: single(x, kernel, window, pads, alone=False),
        PIECES: lambda x, kernel: single(x, kernel, window, pads),
        SHIFTS: lambda x, kernel: _depthwise(pad(x, pads, 0.0), kernel, window),
        SPLIT: partial(_split, window, pads, groups),
    }
    return lowered(op, (type_of(x),), ways, x, kernel)


def _split(window: Window, pads: Pads, groups: int, x: Any, kernel: Any) -> Any:
    """XLA for CPUs has no fast grouped convolution: a fourth to a hundredth of the time."""
    parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
    return jnp.concatenate([single(part, weights, window, pads, alone=False) for part, weights in parts], -1)


def _plain(window: Window, pads: Pads, groups: int, x: Any, kernel: Any) -> Any:
    return lax.conv_general_dilated(
        x,
        kernel,
        window.stride,
        pads,
        rhs_dilation=window.dilation,
        dimension_numbers=AXES[window.rank],
        feature_group_count=groups,
    )


def _tiles(padded: Any, window: Window) -> Any:
    """Windows that lie side by side as rows, `[batch, places..., elements of a window]`: a product is faster then."""
    rank = window.rank
    places = [size // step for size, step in zip(padded.shape[1:-1], window.size, strict=True)]
    whole = tuple(slice(n * step) for n, step in zip(places, window.size, strict=True))
    pairs = [size for pair in zip(places, window.size, strict=True) for size in pair]
    parted = padded[(slice(None), *whole)].reshape(padded.shape[0], *pairs, padded.shape[-1])
    order = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    return parted.transpose(order).reshape(padded.shape[0], *places, -1)


def _depthwise(padded: Any, kernel: Any, window: Window) -> Any:
    """One filter (or some) for each channel: shifted multiply-adds."""
    repeated = jnp.repeat(padded, kernel.shape[-1] // padded.shape[-1], axis=-1)
    taps = widened(kernel.reshape(-1, *(1,) * (window.rank + 1), kernel.shape[-1]))
    seen = (widened(window.taken(repeated, offset)) for offset in window.offsets())
    total: Any = sum(x * tap for x, tap in zip(seen, taps, strict=True))
    return total.astype(padded.dtype)

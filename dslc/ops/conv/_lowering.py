"""How a convolution is handed to XLA, which on CPUs knows only the plain one well."""

from functools import partial
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._platform import by_platform
from dslc.ops._wide import widened
from dslc.ops.conv._gradient import AXES, single
from dslc.ops.conv._window import Pads, Window, pad


def convolved(x: Any, kernel: Any, window: Window, groups: int) -> Any:
    """The convolution of `[batch, spatial..., channels]` with `[spatial..., channels / groups, filters]`."""
    pads = window.pads(x.shape)
    if groups == 1 and set(window.size) == {1}:
        return window.taken(pad(x, pads, 0.0), (0,) * window.rank) @ kernel.reshape(kernel.shape[-2:])
    if groups == 1 and window.tiles:
        return _tiles(pad(x, pads, 0.0), window) @ kernel.reshape(-1, kernel.shape[-1])
    return by_platform(
        x,
        kernel,
        cpu=partial(_on_cpu, window, pads, groups),
        default=partial(_plain, window, pads, groups),
    )


def _on_cpu(window: Window, pads: Pads, groups: int, x: Any, kernel: Any) -> Any:
    if groups == 1:
        return single(x, kernel, window, pads)
    if kernel.shape[-2] == 1:
        return _depthwise(pad(x, pads, 0.0), kernel, window)
    # XLA for CPUs has no fast grouped convolution: a fourth to a hundredth of the time.
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

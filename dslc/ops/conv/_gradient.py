"""A convolution of one group with gradients that XLA for CPUs runs fast inside of a loop.

XLA for CPUs brings the axes of a convolution into the order of its fast kernels only outside of loops; the gradients that
JAX derives have another order, and inside of a training loop they run ten to a hundred times slower. Here both gradients
are convolutions in the fast order. That by the kernel is the sum over pieces of the batch: one convolution over all of it
uses one core (0.5 to 0.9 of its time; a matrix product for every element of the window takes 1 to 3 times as long).
"""

from functools import partial
from typing import Any

from dslc.lazy import jax, jnp, lax
from dslc.ops.conv._window import Pads, Window

AXES = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}
PIECE = 32
"""Examples in a piece of the batch."""


def single(x: Any, kernel: Any, window: Window, pads: Pads, alone: bool = True) -> Any:
    """The convolution of `[batch, spatial..., channels]` with `[spatial..., channels, filters]`.

    Args:
        alone: no others run beside it, so its own gradient has to use all cores.
    """
    plain = partial(_forward, window, pads)
    if any(low >= span or high >= span for (low, high), span in zip(pads, window.span, strict=True)):
        return plain(x, kernel)  # Places that see padding alone: the derived rule crops, this one does not.
    made = jax.custom_vjp(plain)
    made.defvjp(lambda x, kernel: (plain(x, kernel), (x, kernel)), partial(_backward, window, pads, alone))
    return made(x, kernel)


def _forward(window: Window, pads: Pads, x: Any, kernel: Any) -> Any:
    return lax.conv_general_dilated(
        x, kernel, window.stride, pads, rhs_dilation=window.dilation, dimension_numbers=AXES[window.rank]
    )


def _backward(window: Window, pads: Pads, alone: bool, kept: Any, gradient: Any) -> tuple[Any, Any]:
    x, kernel = kept
    by_kernel = _by_kernel if alone else _seen
    return _by_input(window, pads, x.shape, kernel, gradient), by_kernel(window, pads, x, gradient)


def _by_input(window: Window, pads: Pads, shape: tuple[int, ...], kernel: Any, gradient: Any) -> Any:
    """The gradient, spread out by the stride, convolved with the kernel turned round."""
    turned = jnp.flip(kernel, range(window.rank)).swapaxes(-1, -2)
    rest = [
        (span - 1 - low, size + low - ((places - 1) * stride + 1))
        for size, places, span, stride, (low, _) in zip(
            shape[1:-1], gradient.shape[1:-1], window.span, window.stride, pads, strict=True
        )
    ]
    return lax.conv_general_dilated(
        gradient,
        turned,
        (1,) * window.rank,
        rest,
        lhs_dilation=window.stride,
        rhs_dilation=window.dilation,
        dimension_numbers=AXES[window.rank],
    )


def _by_kernel(window: Window, pads: Pads, x: Any, gradient: Any) -> Any:
    """What each element of the window saw, times the gradient of what it gave, over all places: a convolution as well.

    Its channels are the examples, its window is the gradient, its examples are the channels.
    """
    pieces = max(x.shape[0] // PIECE, min(2, x.shape[0]))
    parts = zip(jnp.array_split(x, pieces), jnp.array_split(gradient, pieces), strict=True)
    return sum(_seen(window, pads, part, slope) for part, slope in parts)


def _seen(window: Window, pads: Pads, x: Any, gradient: Any) -> Any:
    rank = window.rank
    found = lax.conv_general_dilated(
        _examples_last(x).transpose(rank, *range(rank), rank + 1),
        gradient.transpose(*range(1, rank + 1), 0, rank + 1),
        window.dilation,
        pads,
        rhs_dilation=window.stride,
        dimension_numbers=AXES[rank],
    )
    # Where the stride leaves a rest, it finds one element more than the window has.
    whole = tuple(slice(size) for size in window.size)
    return found[(slice(None), *whole)].transpose(*range(1, rank + 1), 0, rank + 1)


def _examples_last(x: Any) -> Any:
    """`[batch, spatial..., channels]` to `[spatial..., channels, batch]`, exactly.

    Of few examples as a product with the identity: XLA for CPUs turns the axes in a loop that reads one number from each
    of its lines of cache, and works out again what made `x`, 2 to 4 times as slow. (What is not finite spreads over the
    examples here: its sum over them, which is what the gradient is, is not finite either.)
    """
    if x.shape[0] > 2 * PIECE:  # The product grows with their number.
        return jnp.moveaxis(x, 0, -1)
    rows = x.reshape(x.shape[0], -1)
    same = jnp.eye(x.shape[0], dtype=x.dtype)
    turned = lax.dot_general(rows, same, (((0,), (0,)), ((), ())), precision="highest")
    return turned.reshape(*x.shape[1:], x.shape[0])

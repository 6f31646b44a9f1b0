"""How a transposed convolution is computed, and the gradient of its kernel."""

from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops.conv._gradient import AXES
from dslc.ops.conv._window import Window, pad


def spread(x: Any, kernel: Any, window: Window, shape: tuple[int, ...]) -> Any:
    """The transposed convolution of `[batch, spatial..., channels]`, as an array of `shape`.

    The window is that of the convolution that takes `shape` to the shape of `x`.
    """
    alone = shape[1:-1] == window.size and set(x.shape[1:-1]) == {1}
    if alone or (window.tiles and shape[1:-1] == tuple(n * s for n, s in zip(x.shape[1:-1], window.size, strict=True))):
        return _side_by_side(x, kernel, window.size)
    around = [
        (span - 1 - low, out + low - ((n - 1) * stride + 1))
        for n, out, span, stride, (low, _) in zip(
            x.shape[1:-1], shape[1:-1], window.span, window.stride, window.pads(shape), strict=True
        )
    ]
    return lax.conv_general_dilated(
        x,
        jnp.flip(kernel, range(window.rank)),
        (1,) * window.rank,
        around,
        lhs_dilation=window.stride,
        dimension_numbers=AXES[window.rank],
    )


def kernel_gradient(x: Any, gradient: Any, window: Window) -> Any:
    """For every element of the window: what was spread, times the gradient of where it went, over all places."""
    padded = pad(gradient, window.pads(gradient.shape), 0.0)
    flat = x.reshape(-1, x.shape[-1]).T
    products = [flat @ window.taken(padded, offset).reshape(-1, gradient.shape[-1]) for offset in window.offsets()]
    return jnp.stack(products).reshape(*window.size, x.shape[-1], gradient.shape[-1])


def _side_by_side(x: Any, kernel: Any, size: tuple[int, ...]) -> Any:
    """Windows without overlap: one product, whose columns are then laid out as the elements of the windows."""
    rank, (batch, *places, channels) = len(size), x.shape
    columns = jnp.moveaxis(kernel, -2, 0).reshape(channels, -1)
    parted = (x @ columns).reshape(batch, *places, *size, kernel.shape[-1])
    order = (0, *(axis for pair in range(rank) for axis in (1 + pair, 1 + rank + pair)), 2 * rank + 1)
    whole = (n * s for n, s in zip(places, size, strict=True))
    return parted.transpose(order).reshape(batch, *whole, kernel.shape[-1])

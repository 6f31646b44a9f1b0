"""Changes of the colours of one picture with values from 0 to 255, as Pillow has them, but without rounding in between.

Products are the highest of a GPU's, which would keep 10 bits else: a level of 255 would be off by 0.2.
"""

from typing import Any

from dslc.lazy import jax, jnp, lax


def grey(picture: Any) -> Any:
    """Brightness by ITU-R 601, for all channels; a picture of another number of channels than three has their mean.

    Shapes: `[h, w, c]` to `[h, w, c]`.
    """
    shares = jnp.asarray([0.299, 0.587, 0.114], picture.dtype) if picture.shape[-1] == 3 else None
    level = (
        picture.mean(-1, keepdims=True)
        if shares is None
        else jnp.matmul(picture, shares, precision="highest")[..., None]
    )
    return jnp.broadcast_to(level, picture.shape)


def blended(picture: Any, other: Any, factor: Any) -> Any:
    """The other picture at 0, the picture at 1, and beyond it more of what sets it apart."""
    return jnp.clip(other + factor * (picture - other), 0, 255)


def coloured(picture: Any, factor: Any) -> Any:
    """More or less colour."""
    return blended(picture, grey(picture), factor)


def brightened(picture: Any, factor: Any) -> Any:
    """More or less light."""
    return blended(picture, jnp.zeros_like(picture), factor)


def contrasted(picture: Any, factor: Any) -> Any:
    """More or less contrast."""
    return blended(picture, jnp.full_like(picture, 1) * jnp.floor(grey(picture).mean() + 0.5), factor)


def sharpened(picture: Any, factor: Any) -> Any:
    """Sharper or smoother, all but the border."""
    kernel = jnp.ones((3, 3), picture.dtype).at[1, 1].set(5) / 13
    planes = jnp.moveaxis(picture, -1, 0)[:, None]
    smooth = lax.conv_general_dilated(planes, kernel[None, None], (1, 1), "SAME", precision="highest")[:, 0]
    inner = jnp.zeros(picture.shape[:2], bool).at[1:-1, 1:-1].set(True)
    return blended(picture, jnp.where(inner[..., None], jnp.moveaxis(smooth, 0, -1), picture), factor)


def solarized(picture: Any, threshold: Any) -> Any:
    """The negative of what is at the threshold or above."""
    return jnp.where(picture < threshold, picture, 255 - picture)


def posterized(picture: Any, bits: Any) -> Any:
    """Only so many of the 8 bits of a value."""
    step = 2.0 ** (8 - bits)
    return jnp.floor(picture / step) * step


def stretched(picture: Any) -> Any:
    """Each channel from 0 to 255; one of a single value stays."""
    low, high = (jnp.broadcast_to(edge(picture, (0, 1)), picture.shape) for edge in (jnp.min, jnp.max))
    room = high > low
    return jnp.where(room, jnp.floor((picture - low) * 255 / jnp.where(room, high - low, 1)), picture)


def equalized(picture: Any) -> Any:
    """Each channel with all values about equally often."""
    return jax.vmap(_equalized, in_axes=-1, out_axes=-1)(picture)


def _equalized(plane: Any) -> Any:
    level = jnp.clip(jnp.floor(plane), 0, 255).astype(jnp.int32)
    count = jnp.zeros(256, jnp.int32).at[level.ravel()].add(1)
    last = count[jnp.max(level)]
    step = (level.size - last) // 255
    before = jnp.cumsum(count) - count
    table = jnp.clip((step // 2 + before) // jnp.maximum(step, 1), 0, 255)
    return jnp.where(step > 0, table[level].astype(plane.dtype), plane)

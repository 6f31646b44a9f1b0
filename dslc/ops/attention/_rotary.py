"""Rotary position embedding (Su et al., 2021, arXiv:2104.09864), in the convention that turns the two halves of a head."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import widened


def rotated(x: Any, base: float, direction: int = 1, start: Any = 0) -> Any:
    """Heads `[..., positions, width]` turned by their positions; `direction = -1` turns back, the reverse of a rotation.

    Element i of the first half and element i of the second are a pair, turned by `position / base ** (2 * i / width)`
    (as in Llama; the pairs of the paper are neighbours, which is another order of the same weights). `start` is the first position.
    """
    positions, width = x.shape[-2:]
    wide = widened(x)
    frequency = base ** (jnp.arange(0, width, 2, dtype=wide.dtype) / -width)
    place = jnp.arange(positions, dtype=wide.dtype)
    if not isinstance(start, int) or start:
        place = place + jnp.asarray(start, wide.dtype)
    angle = place[:, None] * frequency[None, :]
    angle = jnp.expand_dims(angle, tuple(range(x.ndim - 2)))
    cos, sin = jnp.cos(angle), direction * jnp.sin(angle)
    first, second = jnp.split(wide, 2, axis=-1)
    return jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1).astype(x.dtype)

"""Random masks by hashing: the counter of an element and the words of a key, mixed inside the loop that uses the mask.

On a CPU this takes a twentieth to a quarter of the time of a counter cipher such as threefry, and a backward pass can
afford to make the mask again. The mixer is triple32 (Wellons, 2018, Prospecting for Hash Functions) with the second
word of the key put in halfway.
"""

from functools import cache
from typing import Any

from dslc.lazy import jax, jnp, lax
from dslc.ops._wide import widened
from dslc.ops.base import Context


def bits(key: "jax.Array", shape: tuple[int, ...]) -> "jax.Array":
    """32 random bits for every element of a shape."""
    return _traced_once()(key, shape)


@cache
def _traced_once() -> Any:
    # A model of many layers draws hundreds of masks, most of them of one shape.
    return jax.jit(_bits, static_argnums=1)


def _bits(key: "jax.Array", shape: tuple[int, ...]) -> "jax.Array":
    first, second = _words(key)
    x = _counter(shape) ^ first
    x = (x ^ (x >> 17)) * jnp.uint32(0xED5AD4BB)
    x = (x ^ (x >> 11) ^ second) * jnp.uint32(0xAC4C1B51)
    x = (x ^ (x >> 15)) * jnp.uint32(0x31848BAB)
    return x ^ (x >> 14)


def survivors(key: "jax.Array", shape: tuple[int, ...], rate: Any) -> "jax.Array":
    """Mask that is false with probability `rate` (a number, or a scalar array when a repeat is scanned over rates)."""
    # An array of 16 bits cannot count so far.
    share = widened(rate) if isinstance(rate, jax.Array) else rate
    dropped = jnp.asarray(share * 2.0**32).astype(jnp.uint32)
    return bits(key, shape) >= dropped


def drop(key: "jax.Array", x: "jax.Array", rate: Any, shape: tuple[int, ...] | None = None) -> "jax.Array":
    """The survivors of `x`, scaled up so that the mean stays: applied to a gradient it is its own backward rule.

    Args:
        shape: of the mask, which broadcasts to that of `x`: what shares a place of it stays or goes together.
    """
    scale = jnp.asarray(1 / (1 - rate), x.dtype)
    return jnp.where(survivors(key, shape or x.shape, rate), x * scale, 0)


def dropping_key(ctx: Context, rate: Any) -> "jax.Array | None":
    """The key to drop by, or None where nothing is dropped: outside of training, and at a rate of 0."""
    if not ctx.training or (isinstance(rate, int | float) and rate == 0):
        return None
    assert ctx.key is not None
    return ctx.key


def _words(key: "jax.Array") -> tuple["jax.Array", "jax.Array"]:
    """Two words, of which the second differs in about half of its bits between any two keys, neighbours included."""
    first, second = jnp.uint32(0), jnp.uint32(0x9E3779B9)
    for word in jax.random.key_data(key):
        first, second = second, _mixed(word ^ second)
    return first, second


def _mixed(x: "jax.Array") -> "jax.Array":
    """The finalizer lowbias32 of the same author: enough for two words."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _counter(shape: tuple[int, ...]) -> "jax.Array":
    """Number of each element in row-major order, modulo 2**32."""
    count, stride = jnp.zeros(shape, jnp.uint32), 1
    for axis in reversed(range(len(shape))):
        count = count + lax.broadcasted_iota(jnp.uint32, shape, axis) * jnp.uint32(stride % 2**32)
        stride *= shape[axis]
    return count

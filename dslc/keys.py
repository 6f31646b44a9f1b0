"""Random keys by place: what a draw depends on is its seed and step, where it stands in the model, and the iteration.

A place is the name of a node. An index in it (`blocks.3.dropout`) counts as the iteration of a region (`blocks.*.dropout`
in iteration 3), so that a draw stays the same when a repeat is unrolled, stacked or computed again.
"""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from dslc.lazy import jax, jnp

INDEX = re.compile(r"\d+|\d+:\d+|\*")
"""A component of a name that stands for the iterations of a repeat: one of them, a run of them, or all."""


def at_place(key: "jax.Array", name: str, iterations: Sequence[Any] = ()) -> "jax.Array":
    """The key of a place, from that of the step; `iterations` are those of the regions around it, outermost first."""
    components = name.split(".")
    pattern = ".".join("*" if INDEX.fullmatch(component) else component for component in components)
    key = fold(key, int.from_bytes(blake2b(pattern.encode(), digest_size=4).digest(), "big"))
    around = list(iterations)
    for component in components:
        if component.isdigit():
            key = fold(key, int(component))
        elif INDEX.fullmatch(component) and around:
            key = fold(key, around.pop(0))
    for iteration in around:
        key = fold(key, iteration)
    return key


def fold(key: "jax.Array", number: Any) -> "jax.Array":
    """The key that follows from a key and an int, which may be traced.

    A dozen integer operations that join the loop around them, where `jax.random.fold_in` runs the whole cipher: a key is
    no secret, it only has to differ from the others in about half of its bits.
    """
    words = jax.random.key_data(key)
    mixed = _mixed(jnp.asarray(number).astype(jnp.uint32))
    made: list[Any] = []
    for position in range(words.shape[0]):
        mixed = _mixed(words[position] ^ mixed)
        made.append(mixed)
    return jax.random.wrap_key_data(jnp.stack(made), impl=jax.random.key_impl(key))


def _mixed(x: "jax.Array") -> "jax.Array":
    """The finalizer lowbias32 (Wellons, 2018, Prospecting for Hash Functions); the constant keeps 0 from staying 0."""
    x = x + jnp.uint32(0x9E3779B9)
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)

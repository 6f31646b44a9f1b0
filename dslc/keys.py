"""Random keys by place: what a draw depends on is its seed and step, where it stands in the model, and the iteration.

A place is the name of a node. An index in it (`blocks.3.dropout`) counts as the iteration of a region (`blocks.*.dropout`
in iteration 3), so that a draw stays the same when a repeat is unrolled, stacked or computed again.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from dslc.lazy import jax, jnp, np

INDEX = re.compile(r"\d+|\d+:\d+|\*")
"""A component of a name that stands for the iterations of a repeat: one of them, a run of them, or all."""


Places = Mapping[str, tuple[Sequence[str], Any]]
"""Of places in a loop over copies that stood side by side: the places of all copies, and which of them it is."""


def at_places(
    key: "jax.Array", names: Sequence[str], iterations: Sequence[Any] = (), copies: Places = MappingProxyType({})
) -> "Mapping[str, jax.Array]":
    """The keys of places from that of the step; `iterations` are those of the regions around them, outermost first."""
    groups: dict[int, dict[str, tuple[Any, ...]]] = {}
    for name in names:
        numbers = _of_copy(*copies[name], iterations) if name in copies else numbers_of(name, iterations)
        groups.setdefault(len(numbers), {})[name] = numbers
    return {
        name: made
        for group in groups.values()
        for name, made in zip(group, _apart(key, fold(key, tuple(group.values()))), strict=True)
    }


def numbers_of(name: str, iterations: Sequence[Any] = ()) -> tuple[Any, ...]:
    """What is folded into a key for a place: a hash of the name without its indices, then the indices in order."""
    components = name.split(".")
    around = list(iterations)
    found: list[Any] = [_hash(".".join("*" if INDEX.fullmatch(component) else component for component in components))]
    for component in components:
        if component.isdigit():
            found.append(int(component))
        elif INDEX.fullmatch(component) and around:
            found.append(around.pop(0))
    return (*found, *around)


def _of_copy(names: Sequence[str], which: Any, iterations: Sequence[Any]) -> tuple[Any, ...]:
    """The numbers of one of several places, which may be known only when the program runs."""
    if isinstance(which, int):
        return numbers_of(names[which], iterations)
    columns = zip(*(numbers_of(name, iterations) for name in names), strict=True)
    return tuple(
        column[0] if all(number is column[0] for number in column) else jnp.asarray(_column(column))[which]
        for column in columns
    )


@cache
def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big")


def fold(key: "jax.Array", rows: Sequence[tuple[Any, ...]]) -> "jax.Array":
    """Keys that follow from a key and rows of ints, which may be traced: all rows at once, as words `[rows, words]`.

    A few integer operations that join the loop around them, where `jax.random.fold_in` runs the whole cipher: a key is no
    secret, it only has to differ from the others in about half of its bits.
    """
    words = [jnp.broadcast_to(word, (len(rows),)) for word in jax.random.key_data(key)]
    for numbers in zip(*rows, strict=True):
        mixed = _mixed(_column(numbers))
        for position, word in enumerate(words):
            words[position] = mixed = _mixed(word ^ mixed)
    return jnp.stack(words, axis=1)


def _column(numbers: tuple[Any, ...]) -> Any:
    """One number for each row, as an array of unsigned words."""
    if all(isinstance(number, int) for number in numbers):
        return np.array([number % 2**32 for number in numbers], np.uint32)
    if all(number is numbers[0] for number in numbers):
        return jnp.broadcast_to(numbers[0].astype(jnp.uint32), (len(numbers),))
    return jnp.stack(
        [jnp.uint32(number % 2**32) if isinstance(number, int) else number.astype(jnp.uint32) for number in numbers]
    )


def _mixed(x: Any) -> Any:
    """The finalizer lowbias32 (Wellons, 2018, Prospecting for Hash Functions); the first sum keeps 0 from staying 0."""
    x = x + np.uint32(0x9E3779B9)
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _apart(key: "jax.Array", words: "jax.Array") -> "list[jax.Array]":
    """Keys of the kind of `key`, one for each row of words."""
    return [wrapped(key, words[row]) for row in range(words.shape[0])]


def wrapped(key: "jax.Array", words: "jax.Array") -> "jax.Array":
    """Words as a key, or keys, of the kind of `key`."""
    return jax.random.wrap_key_data(words, impl=jax.random.key_impl(key))

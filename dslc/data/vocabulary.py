"""Characters and their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dslc.data.failures import DataRefused
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES = 0x110000
"""How many code points Unicode has."""


class UnknownCharacter(DataRefused):
    """A text has a character, at `place`, that the vocabulary has no number for."""

    def __init__(self, character: str, place: int) -> None:
        way_out = "use only characters of the text that was learnt"
        super().__init__(f"the vocabulary has no character {character!r}", way_out)
        self.character, self.place = character, place


def characters(text: str) -> tuple[str, ...]:
    """The vocabulary of a text: its characters, sorted."""
    return tuple(sorted(set(text)))


def encode(text: str, vocabulary: Sequence[str]) -> NDArray[np.integer]:
    """The numbers of the characters, in the smallest dtype that holds the vocabulary.

    Raises:
        UnknownCharacter: at the first character without a number.
    """
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    numbers = np.full(CODES, -1, np.int32)
    numbers[[ord(character) for character in vocabulary]] = np.arange(len(vocabulary), dtype=np.int32)
    ids = numbers[codes]
    if len(ids) and ids.min() < 0:
        place = int(np.argmax(ids < 0))
        raise UnknownCharacter(text[place], place)
    return ids.astype(np.min_scalar_type(max(len(vocabulary) - 1, 0))) if len(vocabulary) <= 1 << 16 else ids


def decode(ids: Iterable[int], vocabulary: Sequence[str]) -> str:
    """The text of these numbers."""
    return "".join(vocabulary[int(number)] for number in ids)

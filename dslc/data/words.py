"""Words and their numbers: 0 fills up, 1 is any word that is not known, then the most frequent words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dslc.data.failures import DataRefused
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = re.compile(r"\w+|[^\w\s]")
FILL, UNKNOWN = "<fill>", "<unknown>"


def words(text: str) -> list[str]:
    """The words of a text in small letters; each sign is one as well."""
    return WORD.findall(text.lower())


def vocabulary(texts: Sequence[Sequence[str]], size: int) -> tuple[str, ...]:
    """The words that get a number, in the order of their numbers; equally frequent ones by the alphabet."""
    counted = Counter(word for text in texts for word in text)
    ordered = sorted(counted, key=lambda word: (-counted[word], word))
    return (FILL, UNKNOWN, *ordered[: max(0, size - 2)])


def numbered(texts: Sequence[Sequence[str]], known: Sequence[str], context: int) -> NDArray[np.int32]:
    """The first `context` words of each text by their numbers, filled up with 0.

    Shapes: `[texts, context]`.
    """
    place: Mapping[str, int] = {word: number for number, word in enumerate(known)}
    found = np.zeros((len(texts), context), np.int32)
    for row, text in enumerate(texts):
        numbers = [place.get(word, 1) for word in text[:context]]
        found[row, : len(numbers)] = numbers
    return found


def require_sizes(source: str, vocab: int, context: int) -> None:
    """Refuse sizes that hold no word.

    Raises:
        DataRefused: names the setting.
    """
    if context < 1:
        raise DataRefused(
            f"`{source}` has a `context` of {context}", "`context` is the number of words of a text: 1 or more"
        )
    if vocab < 3:
        reason = f"`{source}` has a `vocab` of {vocab}, and 0 and 1 stand for no word and for unknown ones"
        raise DataRefused(reason, "`vocab` is 3 or more")

"""Byte pairs: words as pieces that a list of merges builds, in the form that CLIP uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby, pairwise
from pathlib import Path
from unicodedata import category

from dslc.data.failures import DataBroken
from dslc.data.files import text_of

START, END, STOP = "<start>", "<end>", "</w>"
CONTRACTIONS = ("'re", "'ve", "'ll", "'s", "'t", "'m", "'d")


@dataclass(frozen=True)
class Merges:
    """Pairs of pieces in the order in which they are joined.

    Pieces are numbered as CLIP has them: a sign for each byte, the same at the end of a word, the joined pairs, start, end.
    """

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, file: Path) -> Merges:
        """The merges of a file, a pair on each line; a line that begins with `#` is a remark.

        Raises:
            DataBroken: at a line that is no pair.
        """
        pairs: list[tuple[str, str]] = []
        for number, line in enumerate(text_of(file).split("\n"), 1):
            parts = line.split()
            if not parts or (number == 1 and line.startswith("#")):
                continue
            if len(parts) != 2:
                raise DataBroken(file, "the line is no pair of pieces", line=number)
            pairs.append((parts[0], parts[1]))
        if not pairs:
            raise DataBroken(file, "holds no pairs of pieces", line=1)
        return cls(tuple(pairs))

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """All pieces, in the order of their numbers."""
        signs = tuple(signs_of_bytes().values())
        joined = tuple(first + second for first, second in self.pairs)
        return (*signs, *(sign + STOP for sign in signs), *joined, START, END)

    @cached_property
    def _number(self) -> Mapping[str, int]:
        return {piece: number for number, piece in enumerate(self.pieces)}

    @cached_property
    def _rank(self) -> Mapping[tuple[str, str], int]:
        return {pair: rank for rank, pair in enumerate(self.pairs)}

    def encode(self, text: str, context: int) -> list[int]:
        """The numbers of a text between start and end, cut to `context` and filled up with 0."""
        words = words_of(" ".join(text.split()).lower())
        numbers = [self._number[piece] for piece in chain.from_iterable(map(self._pieces, words))]
        start, end = self._number[START], self._number[END]
        found = [start, *numbers[: context - 2], end]
        return [*found, *[0] * (context - len(found))]

    def _pieces(self, word: str) -> list[str]:
        signs = signs_of_bytes()
        pieces = [signs[byte] for byte in word.encode()]
        pieces[-1] += STOP
        while len(pieces) > 1:
            best = min(pairwise(pieces), key=lambda pair: self._rank.get(pair, len(self.pairs)))
            if best not in self._rank:
                break
            pieces = list(_joined(pieces, best))
        return pieces


def _joined(pieces: list[str], pair: tuple[str, str]) -> Iterator[str]:
    place = 0
    while place < len(pieces):
        if tuple(pieces[place : place + 2]) == pair:
            yield pair[0] + pair[1]
            place += 2
        else:
            yield pieces[place]
            place += 1


def words_of(text: str) -> Iterator[str]:
    """Runs of letters, single digits, runs of other signs; the endings that English cuts off stand alone."""
    for is_space, group in groupby(text, str.isspace):
        if not is_space:
            yield from _words("".join(group))


def _words(text: str) -> Iterator[str]:
    while text:
        ending = next((ending for ending in CONTRACTIONS if text.startswith(ending)), None)
        length = len(ending) if ending else 1
        kind = category(text[0])[0]
        if not ending and kind != "N":
            in_run = (lambda sign: category(sign)[0] == "L") if kind == "L" else _is_other
            length = next((place for place, sign in enumerate(text) if not in_run(sign)), len(text))
        yield text[:length]
        text = text[length:]


def _is_other(sign: str) -> bool:
    return category(sign)[0] not in "LN"


def signs_of_bytes() -> dict[int, str]:
    """A sign that can be seen for each byte: itself where it is one, else one from number 256 on; first those that are."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in seen]
    return {byte: chr(byte) for byte in seen} | {byte: chr(256 + place) for place, byte in enumerate(others)}

"""Columns of a csv file: what they hold, and where a cell does not fit."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dslc.data.base import DataBroken
from dslc.data.files import reading
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLANKS = {"", "?", "na", "n/a", "nan", "null"}
"""Marks of a missing value: they cannot say what a column holds."""
SMALL = 1 << 20
"""Bytes of a file that a schema reads to its end, to know its rows and classes: tens of milliseconds."""
LARGEST = 3.4028235e38
"""The largest float32."""


@dataclass(frozen=True)
class Columns:
    """The cells of a file by column, and the line on which each row ends."""

    file: Path
    cells: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def holds_numbers(self, name: str) -> bool:
        """What the first cell of a column is, all of it is.

        Raises:
            DataBroken: when the first cell is blank.
        """
        first = self.cells[name][0]
        if first.strip().lower() in BLANKS:
            reason = f"the first cell of column `{name}` is `{first}`, which does not say what the column holds"
            way_out = "put a row with all its values first, or drop the column"
            raise DataBroken(self.file, reason, line=self.lines[0], help=way_out)
        return _is_number(first)

    def numbers(self, name: str) -> "NDArray[np.float32]":
        """A column of numbers.

        Raises:
            DataBroken: at the first cell that is not a finite number.
        """
        cells = self.cells[name]
        bad = next((row for row, cell in enumerate(cells) if not _is_finite(cell)), None)
        if bad is not None:
            what = f"`{cells[bad]}` is not a finite number" if cells[bad].strip() else "the cell is empty"
            raise DataBroken(self.file, f"column `{name}` holds numbers, and {what}", line=self.lines[bad])
        return np.array([float(cell) for cell in cells], np.float32)

    def categories(self, name: str) -> "tuple[NDArray[np.int32], tuple[str, ...]]":
        """A column of words as numbers, and the words in the order of their numbers, which is the alphabet's.

        Raises:
            DataBroken: at the first empty cell.
        """
        cells = self.cells[name]
        empty = next((row for row, cell in enumerate(cells) if not cell.strip()), None)
        if empty is not None:
            raise DataBroken(self.file, f"column `{name}` holds words, and the cell is empty", line=self.lines[empty])
        words = tuple(sorted(set(cells)))
        place = {word: number for number, word in enumerate(words)}
        return np.array([place[cell] for cell in cells], np.int32), words


def is_small(file: Path) -> bool:
    """Whether a schema may read the whole file."""
    with reading(file):
        return file.stat().st_size <= SMALL


def read(file: Path, rows: int | None = None) -> Columns:
    """The columns of a file, or of its first rows.

    Raises:
        DataBroken: when the file is not a table with a head and as many cells in each row.
    """
    with reading(file), file.open(encoding="utf-8-sig", newline="") as stream:
        lines = _numbered(file, stream)
        _, head = next(lines, (1, ()))
        names = _names(file, head)
        found = list(islice(_whole(file, names, lines), rows))
    if not found:
        raise DataBroken(file, "has no rows below its head", line=2)
    cells = zip(*(row for _, row in found), strict=True)
    return Columns(file, dict(zip(names, cells, strict=True)), tuple(line for line, _ in found))


def _numbered(file: Path, stream: TextIO) -> Iterator[tuple[int, Sequence[str]]]:
    """Rows with their lines, blank ones left out."""
    reader = csv.reader(stream, strict=True, skipinitialspace=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataBroken(file, f"is not comma-separated text: {error}", line=reader.line_num) from error


def _whole(
    file: Path, names: Sequence[str], rows: Iterator[tuple[int, Sequence[str]]]
) -> Iterator[tuple[int, Sequence[str]]]:
    for line, row in rows:
        if len(row) != len(names):
            reason = f"the row has {_count(len(row), 'cell')}, and the head names {_count(len(names), 'column')}"
            raise DataBroken(file, reason, line=line)
        yield line, row


def _names(file: Path, head: Sequence[str]) -> tuple[str, ...]:
    """The names in the head, each of them once."""
    names = tuple(cell.strip() for cell in head)
    if not names:
        raise DataBroken(file, "is empty", line=1)
    if len(names) == 1 and (other := next((sign for sign in ";\t|" if sign in names[0]), None)):
        mark = "tabs" if other == "\t" else f"`{other}`"
        raise DataBroken(file, f"separates its cells by {mark}, not by commas", line=1)
    if all(_is_number(name) for name in names):
        way_out = "put the names of the columns on the first line"
        raise DataBroken(file, "begins with a row of numbers", line=1, help=way_out)
    for place, name in enumerate(names):
        if not name or name in names[:place]:
            reason = f"names column `{name}` twice" if name else f"does not name column {place + 1}"
            raise DataBroken(file, reason, line=1)
    return names


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    # Python reads 1_000 as a number; no other program does.
    return "_" not in cell


def _is_finite(cell: str) -> bool:
    return _is_number(cell) and isfinite(value := float(cell)) and abs(value) <= LARGEST


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

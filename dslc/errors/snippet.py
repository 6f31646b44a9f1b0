"""Lines of source with the places marked that a message speaks of."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dslc.errors.paint import Paint, brief, cells, fill, visible, width
from dslc.source import Source, Span

CUT = "..."
MOST_HIDDEN = 2
"""So many lines may be left out between two shown ones without a mark."""
LEAST = 20
"""Columns of source that are shown however narrow the terminal is."""


@dataclass(frozen=True)
class Mark:
    """A stretch of one line, `[start, end)` in characters, and what is said about it."""

    start: int
    end: int
    text: str
    style: str
    primary: bool
    """The place of the problem itself (carets), or one that explains it (dashes)."""


def marks(source: Source, span: Span, text: str, style: str, primary: bool) -> Iterator[tuple[int, Mark]]:
    """A span by lines: of a longer one its first and its last line are marked."""
    start = min(span.start, max(len(source.text) - 1, 0))
    end = max(start + 1, min(span.end, len(source.text.rstrip())))
    (first, begin), (last, stop) = source.position(start), source.position(end - 1)
    if first == last:
        yield first, Mark(begin - 1, stop, text, style, primary)
        return
    yield first, Mark(begin - 1, max(begin, len(source.line(first).rstrip())), "", style, primary)
    indent = len(source.line(last)) - len(source.line(last).lstrip())
    yield last, Mark(min(indent, stop - 1), stop, text, style, primary)


def snippet(source: Source, placed: Iterable[tuple[int, Mark]], gutter: int, most: int, paint: Paint) -> Iterator[str]:
    """The marked lines in order, with their numbers in a gutter of `gutter` columns; no row wider than `most`."""
    lines: dict[int, list[Mark]] = {}
    for number, mark in placed:
        lines.setdefault(number, []).append(mark)
    room = max(LEAST, most - gutter - 3)
    bar = paint("frame", f"{' ' * gutter} |")
    before = min(lines)
    yield bar
    for number in sorted(lines):
        if number - before - 1 > MOST_HIDDEN:
            yield paint("frame", CUT)
        before = number
        left = lines[number]
        while left:  # a long line is shown again for what its first excerpt leaves out
            text, rows, left = _line(source.line(number), left, room, paint)
            yield f"{paint('frame', f'{_number(source, number):>{gutter}} |')} {text}".rstrip()
            yield from (f"{bar} {row}" for row in rows)


def _number(source: Source, number: int) -> str:
    return "" if is_option(source.name) else str(number)


def is_option(name: str) -> bool:
    """Whether a source is no file, but an option of the command line such as `--set width`."""
    return name.startswith("--")


def _line(line: str, found: list[Mark], room: int, paint: Paint) -> tuple[str, list[str], list[Mark]]:
    """A line, cut to `room` columns around what is marked, the rows of marks below it, and the marks that are cut off."""
    shown, columns = cells(line.rstrip(" \t"))
    ordered = sorted(found, key=lambda mark: (not mark.primary, mark.start))
    low, high = _window(columns, ordered[0], room)
    left, right = CUT * (low > 0), CUT * (high < len(shown))
    columns += [columns[-1] + 1] * (max(mark.end for mark in found) + 1 - len(columns))  # room for a caret at the end
    rows: list[str] = []
    cut = [mark for mark in ordered[1:] if mark.start >= high or mark.end <= low] if high - low < len(shown) else []
    for mark in (mark for mark in ordered if mark not in cut):
        start, end = (len(left) + max(0, columns[at] - columns[low]) for at in (mark.start, mark.end))
        rows += _rows(mark, min(start, room - 1), min(end, room - len(right)), room, paint)
    return left + "".join(shown[low:high]) + right, rows, cut


def _window(columns: list[int], mark: Mark, room: int) -> tuple[int, int]:
    """The first and the last character to show: the whole line, or a part with the mark in it."""
    count = len(columns) - 1
    if columns[count] <= room:
        return 0, count
    start, end = columns[min(mark.start, count)], columns[min(mark.end, count)]
    left = 0
    if end > room - len(CUT):
        spare = max(0, room - 2 * len(CUT) - (end - start))
        left = max(0, min(start - spare // 2, columns[count] - room + len(CUT)))
    low = next(at for at in range(count + 1) if columns[at] >= left)
    fits = room - len(CUT) * (low > 0)
    if columns[count] - columns[low] <= fits:
        return low, count
    return low, max(at for at in range(low, count + 1) if columns[at] - columns[low] <= fits - len(CUT))


def _rows(mark: Mark, start: int, end: int, room: int, paint: Paint) -> Iterator[str]:
    """The marker, and its text beside it, or below it where there is no room."""
    marker = ("^" if mark.primary else "-") * max(1, end - start)
    text = visible(brief(mark.text))
    row = " " * start + paint(mark.style, marker)
    if not text or start + len(marker) + 1 + width(text) <= room:
        yield f"{row} {paint(mark.style, text)}" if text else row
        return
    yield row
    beside, below = fill(text, max(LEAST, room - start)), fill(text, room)
    lines = beside if len(beside) <= max(2, len(below)) else below
    indent = max(0, min(start, room - max(map(width, lines))))
    yield from (" " * indent + paint(mark.style, line) for line in lines)

"""Source text and the places in it: what every tree node, graph node and problem points to."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of characters `[start, end)` of one file, named by its path as the user gave it."""

    file: str
    start: int
    end: int

    def to(self, other: "Span") -> "Span":
        """The range from the start of this one to the end of `other`."""
        return Span(self.file, self.start, max(self.end, other.end))


NOWHERE = Span("", 0, 0)


@dataclass(frozen=True)
class Source:
    """The text of one `.net` file."""

    name: str
    text: str
    kept: str = ""
    """Its place among the imports that a run keeps; empty for a file that no other one imports."""
    folder: str | None = None
    """The folder of a run that keeps what the file imports; None: that stands around the file."""
    imported: "dict[str, Source]" = field(default_factory=dict[str, "Source"], compare=False, repr=False)
    """The files that it imports, directly or through others, by name; noted as they are read."""

    def of(self, span: Span) -> "Source":
        """The file that a span points into: this one, or one that it imports."""
        return self.imported.get(span.file, self)

    def line_of(self, span: Span) -> int:
        """The line, from 1, on which a span of this file or of an imported one begins."""
        return self.of(span).position(span.start)[0]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Text of a line (from 1), without its newline; empty where there is none."""
        if not 0 < number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start:] if end < 0 else self.text[start:end]

    def snippet(self, span: Span) -> str:
        """The characters of a span."""
        return self.text[span.start : span.end]


def by_name(sources: Iterable[Source]) -> dict[str, Source]:
    """Files and what they import, by name."""
    found: dict[str, Source] = {}
    for source in sources:
        found |= {source.name: source, **source.imported}
    return found

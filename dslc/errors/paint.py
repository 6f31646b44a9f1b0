"""Text for a terminal: colours, and user text in which nothing is hidden."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

CODES = {
    "error": "1;31", "warning": "1;33", "note": "1;34", "help": "1;36", "headline": "1", "frame": "34", "good": "1;32",
    "faint": "2",
}  # fmt: skip
TAB = 4
LONGEST_WORD, SHOWN = 400, 80
"""Characters of what stands between two backticks, and of its beginning that is shown when there are more."""


@dataclass(frozen=True)
class Paint:
    """Colours text where `on`, and leaves it as it is elsewhere."""

    on: bool = False

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{CODES[style]}m{text}\x1b[0m" if self.on and text else text


PLAIN = Paint()


def paint_for(stream: TextIO) -> Paint:
    """Colours for a terminal, unless `NO_COLOR` is set (no-color.org)."""
    return Paint(stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def visible(text: str) -> str:
    """The text with escapes in place of what a terminal would act on or not show: control characters, other spaces."""
    return text if text.isprintable() else "".join(map(_visible, text))


def shown_on(stream: TextIO, text: str) -> str:
    """Text of a user's data: as it is for a file or a pipe, with escapes for a terminal; line breaks and tabs stay."""
    return re.sub(r"[^\n\t]+", lambda found: visible(found[0]), text) if stream.isatty() else text


def brief(text: str) -> str:
    """The text with the middle of very long words in backticks left out: names and values may be as long as the file."""
    if len(text) <= LONGEST_WORD:
        return text
    return re.sub(rf"[^`]{{{LONGEST_WORD},}}", lambda found: f"{found[0][:SHOWN]}...{found[0][-SHOWN // 2 :]}", text)


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char) or (
        f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"
    )


def cells(line: str) -> tuple[list[str], list[int]]:
    """Each character of a line as it is shown, and the columns between them, one more than there are characters."""
    shown: list[str] = []
    columns = [0]
    for char in line:
        piece = " " * (TAB - columns[-1] % TAB) if char == "\t" else _visible(char)
        shown.append(piece)
        columns.append(columns[-1] + width(piece))
    return shown, columns


def width(text: str) -> int:
    """Columns that a terminal gives to a text."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width  # noqa: PLC0415  # most files are plain ASCII

    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def fill(text: str, most: int) -> list[str]:
    """The text in lines of at most `most` columns, cut at spaces outside of backticks and brackets; a longer word stays whole."""
    lines: list[str] = []
    for word in _words(text):
        if lines and width(lines[-1]) + 1 + width(word) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _words(text: str) -> Iterable[str]:
    return re.findall(r"(?:`[^`]*`|\[[^\]`]*\]|[^\s`]|`)+", text)

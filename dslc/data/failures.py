"""What can go wrong with data: facts for the caller, who knows the place in the source and gives them a code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dslc.data.schema import Schema


class DataFailure(Exception):
    """Base of the failures below.

    Args:
        reason: what does not fit: lower case, no full stop.
        help: the way out.
    """

    def __init__(self, reason: str, help: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.help = reason, help


class DataMissing(DataFailure):
    """A file or folder is not there.

    `looked` are the places where it was looked for; `schema` is what is known of the data all the same.
    """

    def __init__(self, path: str, looked: tuple[Path, ...], help: str, schema: Schema | None = None) -> None:
        super().__init__(f"`{path}` is not there", help)
        self.path, self.looked, self.schema = path, looked, schema


class DataBroken(DataFailure):
    """A file does not hold what it should; `line` (from 1) or `offset` (bytes from 0) say where, when known."""

    def __init__(
        self, file: Path, reason: str, *, line: int | None = None, offset: int | None = None, help: str | None = None
    ) -> None:
        super().__init__(reason, help)
        self.file, self.line, self.offset = file, line, offset

    def __str__(self) -> str:
        places = {"line": self.line, "byte": self.offset}
        place = next((f"{unit} {number}: " for unit, number in places.items() if number is not None), "")
        return f"{self.file.name}: {place}{self.reason}"


class DataRefused(DataFailure):
    """A source or a stage does not take its settings, or not for this data."""


class PathRefused(DataFailure):
    """A path in a `.net` file leads, or may lead, out of the folders that it may read."""

    def __init__(self, path: str, reason: str, help: str | None = None) -> None:
        super().__init__(reason, help)
        self.path = path

"""Writing what a command makes, with a coded message when that does not work."""

from pathlib import Path

from dslc.errors.base import Failed, Problems
from dslc.errors.data import FileProblem
from dslc.source import Span


def write(path: Path, content: str | bytes) -> None:
    """Write a file, and the folder that it is in where that is missing.

    Raises:
        Failed: when that is not possible.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        problems = Problems()
        what = f"cannot be written: {(error.strerror or str(error)).lower()}"
        problems.add(FileProblem(Span(str(path), 0, 0), str(path), what, "name another place with `-o`"))
        raise Failed(problems) from None

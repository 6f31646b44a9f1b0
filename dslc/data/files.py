"""Reading files, with a `DataBroken` for whatever the system or the content refuses."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dslc.data.failures import DataBroken


@contextmanager
def reading(file: Path) -> Generator[None]:
    """Say which file it was that could not be read."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _not_utf8(file) from error
    except MemoryError as error:
        raise DataBroken(file, "is larger than the memory of this machine") from error
    except OSError as error:
        raise DataBroken(file, f"cannot be read: {(error.strerror or str(error)).lower()}") from error


def text_of(file: Path) -> str:
    """The whole file as UTF-8, with its line ends as they are and without a byte order mark."""
    with reading(file):
        return file.read_bytes().decode("utf-8-sig")


def _not_utf8(file: Path) -> DataBroken:
    """Found anew in the bytes: a decoder that reads in pieces counts from the start of its piece."""
    content = file.read_bytes()
    offset = len(content)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        offset = error.start
    line = content.count(b"\n", 0, offset) + 1
    return DataBroken(file, f"byte {offset} is not UTF-8", line=line, offset=offset, help="save the file as UTF-8")

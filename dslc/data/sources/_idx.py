"""Files in the idx format of MNIST: a head with the sizes, then bytes; packed with gzip or not."""

import gzip
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from dslc.data.base import DataBroken, DataMissing, Folders, Parts, Records, Schema, Source, field_type
from dslc.data.files import reading
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GZIP = b"\x1f\x8b"
DENSEST = 1032
"""Bytes that one byte of a deflate stream can stand for at most."""
PREFIXES = {"train": "train", "test": "t10k"}
KINDS = {"image": ("images-idx3-ubyte", (28, 28)), "label": ("labels-idx1-ubyte", ())}


@dataclass(frozen=True)
class Head:
    """What the head of an idx file of bytes says."""

    count: int
    item: tuple[int, ...]

    @property
    def length(self) -> int:
        return 4 + 4 * (1 + len(self.item))


@contextmanager
def opened(file: Path) -> Generator[BufferedIOBase]:
    """The bytes of a file, unpacked if need be; damage becomes a `DataBroken`."""
    with reading(file):
        try:
            with file.open("rb") as raw:
                packed = raw.read(2) == GZIP
                raw.seek(0)
                yield gzip.GzipFile(fileobj=raw) if packed else raw
        except EOFError as error:
            raise DataBroken(file, "ends in the middle of its gzip stream", help="fetch the file again") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataBroken(file, f"has a damaged gzip stream: {error}", help="fetch the file again") from error


def head(file: Path, item: tuple[int, ...]) -> Head:
    """The head of a file whose items should have this shape, checked against what the file can hold.

    Raises:
        DataBroken: when it is another kind of file, or too short for what its head says.
    """
    rank = 1 + len(item)
    with opened(file) as stream:
        start = stream.read(4 + 4 * rank)
    if start[:4] != bytes((0, 0, 8, rank)):
        found = start[:4].hex(" ") or "nothing"
        raise DataBroken(file, f"does not begin as an idx file of bytes with {rank} axes (found {found})", offset=0)
    if len(start) < 4 + 4 * rank:
        raise DataBroken(file, "ends in its head", offset=len(start))
    count, *sizes = (int.from_bytes(start[place : place + 4]) for place in range(4, 4 + 4 * rank, 4))
    if tuple(sizes) != item:
        raise DataBroken(file, f"holds items of {_times(sizes)}, not of {_times(item)}", offset=8)
    if count < 1:
        raise DataBroken(file, "holds no items", offset=4)
    return Head(count, item)


def content(file: Path, item: tuple[int, ...]) -> "NDArray[np.uint8]":
    """All items of a file.

    Raises:
        DataBroken: when there are more or fewer bytes than the head says.
    """
    known = head(file, item)
    size = known.count * int(np.prod(item, dtype=np.int64))
    with reading(file):
        most = file.stat().st_size * DENSEST
    if size > most:
        raise DataBroken(file, f"says that it holds {known.count:,} items, more than its bytes can", offset=4)
    with opened(file) as stream:
        stream.seek(known.length)
        values = np.empty(size, np.uint8)
        got = _filled(stream, values.data)
        left_over = stream.read(1)
    if got < size:
        reason = f"ends after {got:,} of {size:,} bytes"
        raise DataBroken(file, reason, offset=known.length + got, help="fetch the file again")
    if left_over:
        reason = f"goes on after the {known.count:,} items that its head names"
        raise DataBroken(file, reason, offset=known.length + size)
    return values.reshape(known.count, *item)


def _filled(stream: BufferedIOBase, target: memoryview) -> int:
    """How many bytes could be read into the target."""
    done = 0
    while done < len(target):
        got = stream.readinto(target[done:])
        if not got:
            break
        done += got
    return done


def _times(sizes: "list[int] | tuple[int, ...]") -> str:
    return " x ".join(map(str, sizes)) or "one number"


class Pictures(Source):
    """Grey pictures of 28 x 28 in the four files of MNIST."""

    folder: str
    names: ClassVar[tuple[str, ...]]

    def schema(self, folders: Folders) -> Schema:
        rows: dict[str, int | None] = {part: self._count(folders, part) for part in PREFIXES}
        return replace(_known(), rows=rows)

    def _count(self, folders: Folders, part: str) -> int:
        files = {kind: self._find(folders, part, kind) for kind in KINDS}
        counts = {kind: head(file, KINDS[kind][1]).count for kind, file in files.items()}
        if counts["image"] != counts["label"]:
            reason = f"holds {counts['label']:,} labels for {counts['image']:,} pictures"
            raise DataBroken(files["label"], reason, offset=4, help="take all four files from one data set")
        return counts["image"]

    def _find(self, folders: Folders, part: str, kind: str) -> Path:
        name = f"{PREFIXES[part]}-{KINDS[kind][0]}"
        try:
            return folders.find(self.folder, name, f"{name}.gz")
        except DataMissing as missing:
            raise DataMissing(missing.path, missing.looked, missing.help or "", _known()) from missing

    def load(self, folders: Folders) -> Parts:
        schema = self.schema(folders)
        tables = {part: self._table(schema, folders, part) for part in PREFIXES}
        return Parts(**tables, names={"label": self.names})

    def _table(self, schema: Schema, folders: Folders, part: str) -> Records:
        image, label = (content(self._find(folders, part, kind), KINDS[kind][1]) for kind in KINDS)
        if int(label.max()) >= len(self.names):
            place = int(np.argmax(label >= len(self.names)))
            reason = f"holds the label {label[place]}, and there are {len(self.names)} classes"
            raise DataBroken(self._find(folders, part, "label"), reason, offset=8 + place)
        return Records(schema, {"image": np.expand_dims(image, -1), "label": label.astype(np.int32)})


def _known() -> Schema:
    return Schema(
        {"image": field_type(28, 28, 1), "label": field_type(dtype="i32")},
        classes={"label": 10},
        rows=dict.fromkeys(PREFIXES),
        ranges={"image": (0.0, 255.0)},
        storage={"image": "u8"},
    )

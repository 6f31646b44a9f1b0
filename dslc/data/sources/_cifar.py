"""Files of CIFAR in their binary form: records of label bytes, then the bytes of a picture, one channel after the other."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dslc.data.base import DataBroken, DataMissing, Folders, Parts, Records, Schema, Source, field_type
from dslc.data.files import reading
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 32
PIXELS = 3 * SIDE * SIDE


class Cifar(Source):
    """Colour pictures of 32 x 32 in files of records."""

    folder: str
    parts: ClassVar[dict[str, tuple[str, ...]]]
    """The files of the training part, and of the one for testing."""
    labels: ClassVar[tuple[tuple[str, int], ...]]
    """The fields of the label bytes in front of a picture, with how many classes each has."""

    def schema(self, folders: Folders) -> Schema:
        rows: dict[str, int | None] = {}
        for part, names in self.parts.items():
            rows[part] = sum(self._count(self._find(folders, name)) for name in names)
        return replace(self._known(), rows=rows)

    def load(self, folders: Folders) -> Parts:
        schema = self.schema(folders)
        train, test = (self._table(schema, folders, names) for names in self.parts.values())
        return Parts(train, test=test)

    def _known(self) -> Schema:
        fields = {"image": field_type(SIDE, SIDE, 3)} | {name: field_type(dtype="i32") for name, _ in self.labels}
        return Schema(
            fields,
            classes=dict(self.labels),
            rows=dict.fromkeys(self.parts),
            ranges={"image": (0.0, 255.0)},
            storage={"image": "u8"},
        )

    def _find(self, folders: Folders, name: str) -> Path:
        try:
            return folders.find(self.folder, name)
        except DataMissing as missing:
            way_out = f"{missing.help}; it is the binary version of the data set that has it, not the one of Python"
            raise DataMissing(missing.path, missing.looked, way_out, self._known()) from missing

    def _count(self, file: Path) -> int:
        record = len(self.labels) + PIXELS
        with reading(file):
            size = file.stat().st_size
        if not size or size % record:
            reason = f"has {size:,} bytes, which are no whole records of {record:,}"
            raise DataBroken(file, reason, offset=size - size % record, help="fetch the binary version again")
        return size // record

    def _table(self, schema: Schema, folders: Folders, names: tuple[str, ...]) -> Records:
        records = np.concatenate([self._records(self._find(folders, name)) for name in names])
        heads = len(self.labels)
        columns: dict[str, NDArray[Any]] = {
            "image": np.ascontiguousarray(records[:, heads:].reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
        }
        for place, (name, _) in enumerate(self.labels):
            columns[name] = records[:, place].astype(np.int32)
        return Records(schema, {name: columns[name] for name in schema.fields})

    def _records(self, file: Path) -> "NDArray[np.uint8]":
        record = len(self.labels) + PIXELS
        with reading(file):
            content = file.read_bytes()
        found = np.frombuffer(content, np.uint8).reshape(-1, record)
        for place, (_, classes) in enumerate(self.labels):
            wrong = np.flatnonzero(found[:, place] >= classes)
            if len(wrong):
                reason = f"holds the label {found[wrong[0], place]}, and there are {classes} classes"
                raise DataBroken(file, reason, offset=int(wrong[0]) * record + place)
        return found

"""Arrays from a file of NumPy."""

import zipfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc.catalogue import nearest
from dslc.data.base import DataBroken, DataRefused, Folders, Parts, Records, Schema, Source, source
from dslc.data.files import reading
from dslc.data.schema import field_type
from dslc.lazy import np
from dslc.types import JAX_DTYPES, Type

if TYPE_CHECKING:
    from numpy.typing import NDArray


@source
class Npz(Source):
    """Arrays of one length from a file that `numpy.savez` wrote: each is a field of its own name, or those in `fields`.

    Floats of any width become f32, integers i32, bool stays. Bytes with three axes or more are pictures: f32 from 0 to
    255. Python objects are never loaded.

    Shapes: each field is `[batch, ...]`, the array `[rows, ...]`.
    """

    path: str
    fields: tuple[str, ...] | None = None

    aliases = ("numpy", "load_npz")

    def schema(self, folders: Folders) -> Schema:
        file = folders.find(self.path)
        with opened(file) as archive:
            heads = {name: head(file, archive, name) for name in self._names(file, archive)}
        return _schema(file, heads)

    def load(self, folders: Folders) -> Parts:
        schema = self.schema(folders)
        file = folders.find(self.path)
        with opened(file), np.load(file, allow_pickle=False) as archive:
            columns = {name: _stored(file, name, archive[name], schema) for name in schema.fields}
        return Parts(Records(schema, columns))

    def _names(self, file: Path, archive: zipfile.ZipFile) -> tuple[str, ...]:
        held = tuple(name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy"))
        if not held:
            raise DataBroken(file, "holds no arrays")
        for name in self.fields or ():
            if name not in held:
                near = nearest(name, held)
                listed = ", ".join(f"`{known}`" for known in held)
                way_out = f"did you mean `{near}`?" if near else f"its arrays are {listed}"
                raise DataRefused(f"`{self.path}` has no array `{name}`", way_out)
        odd = next((name for name in self.fields or held if not name.isidentifier()), None)
        if odd is not None:
            reason = f"array `{odd}` has a name that a `.net` file cannot write"
            raise DataRefused(reason, "name the arrays to take: `fields = [...]`")
        return self.fields or held


@contextmanager
def opened(file: Path) -> Generator[zipfile.ZipFile]:
    """An npz file, with a `DataBroken` for whatever is wrong with it."""
    with reading(file):
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        # numpy and zipfile have a different exception for each way in which a file can be damaged.
        except (zipfile.BadZipFile, ValueError, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
            reason = f"is not a whole npz file: {error}"
            raise DataBroken(file, reason, help="write it anew with `numpy.savez`") from error


def head(file: Path, archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """Shape and dtype of an array, from its first bytes."""
    with archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        claimed = stream.tell() + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if dtype.hasobject:
        raise DataBroken(file, f"array `{name}` holds Python objects, which are never loaded", help="store numbers")
    if claimed != archive.getinfo(f"{name}.npy").file_size:
        raise DataBroken(file, f"array `{name}` is not as long as its head says")
    return shape, dtype


def _schema(file: Path, heads: Mapping[str, tuple[tuple[int, ...], "np.dtype[Any]"]]) -> Schema:
    fields = {name: _type(file, name, *head) for name, head in heads.items()}
    rows = {name: shape[0] for name, (shape, _) in heads.items()}
    first, count = next(iter(rows.items()))
    for name, other in rows.items():
        if other != count:
            reason = f"array `{name}` has {other:,} rows, and `{first}` has {count:,}"
            raise DataBroken(file, reason, help="name the arrays that belong together: `fields = [...]`")
    if count < 1:
        raise DataBroken(file, f"array `{first}` has no rows")
    pictures = [name for name, (_, dtype) in heads.items() if dtype == np.uint8 and fields[name].is_float]
    return Schema(
        fields,
        rows={"train": count},
        ranges=dict.fromkeys(pictures, (0.0, 255.0)),
        storage=dict.fromkeys(pictures, "u8"),
    )


def _type(file: Path, name: str, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Type:
    if not shape:
        reason = f"array `{name}` is one number, without a row axis"
        raise DataBroken(file, reason, help="leave it out: `fields = [...]`")
    if dtype.kind not in "fiub":
        reason = f"array `{name}` holds {dtype}, not numbers that a model can take"
        raise DataBroken(file, reason, help="leave it out: `fields = [...]`")
    is_picture = dtype == np.uint8 and len(shape) >= 3
    return field_type(*shape[1:], dtype="f32" if is_picture else {"f": "f32", "b": "bool"}.get(dtype.kind, "i32"))


def _stored(file: Path, name: str, array: "NDArray[Any]", schema: Schema) -> "NDArray[Any]":
    """The array in the dtype that it has in memory.

    Raises:
        DataBroken: when a value does not fit that dtype.
    """
    if name in schema.storage:
        return array
    wanted = np.dtype(JAX_DTYPES[schema.fields[name].dtype])
    if array.dtype.kind != "b":
        limits = np.finfo(wanted) if wanted.kind == "f" else np.iinfo(wanted)
        fits = (array >= limits.min) & (array <= limits.max)
        if not fits.all():
            row = int(np.argwhere(~fits)[0][0])
            raise DataBroken(file, f"array `{name}` holds a value in row {row} that no {schema.fields[name].dtype} is")
    return array.astype(wanted)

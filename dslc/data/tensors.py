"""Named arrays in a file, safetensors or npz: what they are is read from the heads, without their data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc.data.failures import DataBroken, DataRefused
from dslc.data.files import reading
from dslc.data.folders import Folders
from dslc.lazy import np
from dslc.types import JAX_DTYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 100_000_000
"""Bytes of the head of a safetensors file, as its own library has it."""
WIDTHS = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1,
    "BOOL": 1,
}  # fmt: skip
NUMPY = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U8": "|u1",
    "BOOL": "|b1",
}  # fmt: skip
DTYPES = {
    "F64": "f32", "F32": "f32", "F16": "f32", "BF16": "f32", "I64": "i32", "I32": "i32", "I16": "i32", "I8": "i8",
    "U8": "u8", "BOOL": "bool",
}  # fmt: skip
"""How a tensor comes into the language: floats of every width as f32, which weights are, wide integers as i32."""
FORMATS = (".safetensors", ".npz")
LIBRARIES = "safetensors.torch.save_file(model.state_dict(), ...)"


@dataclass(frozen=True)
class Head:
    """Shape and dtype of a tensor, by safetensors' name of the dtype, and where its bytes are."""

    shape: tuple[int, ...]
    dtype: str
    place: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Tensors:
    """A file with named arrays; `facts` is what else its head says."""

    file: Path
    heads: Mapping[str, Head]
    facts: Mapping[str, Any]

    def read(self, name: str) -> NDArray[Any]:
        """An array, of the dtype that `DTYPES` says.

        Raises:
            DataBroken: when its bytes are not as the head says, or a number is too large.
        """
        with reading(self.file):
            array = self._npz(name) if self.file.suffix == ".npz" else self._safetensors(name)
        wanted = np.dtype(JAX_DTYPES[DTYPES[self.heads[name].dtype]])
        if wanted.kind == "i" and array.size and max(-int(array.min()), int(array.max())) > np.iinfo(wanted).max:
            raise DataBroken(self.file, f"tensor `{name}` holds a number that {wanted} does not")
        return array.astype(wanted, copy=False)

    def _npz(self, name: str) -> NDArray[Any]:
        from dslc.data.sources.npz import opened  # noqa: PLC0415  # only for such a file

        with opened(self.file), np.load(self.file, allow_pickle=False) as archive:
            return archive[name]

    def _safetensors(self, name: str) -> NDArray[Any]:
        head = self.heads[name]
        start, end = head.place
        with self.file.open("rb") as stream:
            stream.seek(start)
            content = stream.read(end - start)
        if len(content) != end - start:
            raise DataBroken(self.file, f"ends before tensor `{name}` does")
        if head.dtype == "BF16":  # The upper half of a float32.
            words = np.frombuffer(content, "<u2").astype(np.uint32) << 16
            return words.view(np.float32).reshape(head.shape)
        return np.frombuffer(content, NUMPY[head.dtype]).reshape(head.shape)


def tensors(folders: Folders, path: str, *names: str) -> Tensors:
    """The arrays of a file by name; with `names`, of the first of these that is in the folder at the path.

    Raises:
        DataBroken: when the file is not whole.
        DataMissing: when it is not there.
        DataRefused: when it is of another format.
        PathRefused: when the path could leave the folders.
    """
    if not names and not path.endswith(FORMATS):
        reason = f"`{path}` is neither a safetensors nor an npz file"
        raise DataRefused(reason, f"pickled weights can run code and are never read: write them by `{LIBRARIES}`")
    file = folders.find(path, *names)
    return _npz(file) if file.suffix == ".npz" else _safetensors(file)


def _npz(file: Path) -> Tensors:
    from dslc.data.sources.npz import head, opened  # noqa: PLC0415  # only for such a file

    kinds = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i4": "I32", "i2": "I16", "i1": "I8", "u1": "U8"}
    heads: dict[str, Head] = {}
    with opened(file) as archive:
        for entry in archive.namelist():
            name = entry.removesuffix(".npy")
            shape, dtype = head(file, archive, name)
            heads[name] = Head(shape, "BOOL" if dtype.kind == "b" else kinds.get(dtype.str[1:], str(dtype)))
    return Tensors(file, heads, {})


def _safetensors(file: Path) -> Tensors:
    with reading(file):
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(LONGEST, size - 8):
                raise DataBroken(file, "is not a safetensors file: its head is longer than the file")
            content = stream.read(length)
    try:
        told: Any = json.loads(content)
        facts: Any = told.pop("__metadata__", {})
        heads = {name: _head(entry, 8 + length) for name, entry in told.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise DataBroken(file, "is not a safetensors file: its head does not list tensors") from problem
    for name, head in heads.items():
        start, end = head.place
        whole = WIDTHS.get(head.dtype)
        if not 8 + length <= start <= end <= size or (whole and end - start != math.prod(head.shape) * whole):
            raise DataBroken(file, f"tensor `{name}` does not lie in the file as its head says")
    return Tensors(file, heads, facts if isinstance(facts, dict) else {})


def _head(entry: Any, base: int) -> Head:
    start, end = (int(offset) + base for offset in entry["data_offsets"])
    shape = tuple(int(size) for size in entry["shape"])
    if any(size < 0 for size in shape):
        raise ValueError(shape)
    return Head(shape, str(entry["dtype"]), (start, end))

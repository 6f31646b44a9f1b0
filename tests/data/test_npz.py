"""Arrays of NumPy: the types they become, and what is wrong with a file."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_files import here

from dslc.data.base import DataBroken, DataRefused, Records
from dslc.data.sources.npz import Npz


def saved(base: Path, **arrays: Any) -> Path:
    np.savez(base / "a.npz", **arrays)
    return base / "a.npz"


def table(base: Path, fields: tuple[str, ...] | None = None) -> Records:
    found = Npz("a.npz", fields).load(here(base)).train
    assert isinstance(found, Records)
    return found


def broken(base: Path) -> DataBroken:
    with pytest.raises(DataBroken) as caught:
        Npz("a.npz").load(here(base))
    return caught.value


@pytest.mark.parametrize(
    ("array", "type"),
    [
        (np.ones((3, 2)), "[batch, 2]"),
        (np.ones((3, 2), np.float16), "[batch, 2]"),
        (np.ones((3, 2), ">f4"), "[batch, 2]"),
        (np.ones(3, np.int64), "i32[batch]"),
        (np.ones(3, np.uint8), "i32[batch]"),
        (np.ones((3, 2), bool), "bool[batch, 2]"),
        (np.ones((3, 4, 4), np.uint8), "[batch, 4, 4]"),
        (np.ones((3, 4, 4, 1), np.uint8), "[batch, 4, 4, 1]"),
        (np.asfortranarray(np.ones((3, 4, 5))), "[batch, 4, 5]"),
    ],
)
def test_each_dtype_becomes_one_that_models_take(array: np.ndarray, type: str, tmp_path: Path) -> None:
    saved(tmp_path, x=array)
    assert str(Npz("a.npz").schema(here(tmp_path)).fields["x"]) == type
    np.testing.assert_array_equal(table(tmp_path).columns["x"], array)


def test_pictures_of_bytes_stay_bytes_in_memory(tmp_path: Path) -> None:
    saved(tmp_path, image=np.full((3, 4, 4, 1), 200, np.uint8), label=np.arange(3, dtype=np.uint8))
    found = table(tmp_path)
    assert found.columns["image"].dtype == np.uint8
    assert (found.schema.storage, found.schema.ranges) == ({"image": "u8"}, {"image": (0.0, 255.0)})


def test_fields_takes_some_of_the_arrays(tmp_path: Path) -> None:
    saved(tmp_path, x=np.ones(3), y=np.ones(3), other=np.ones(7))
    assert list(table(tmp_path, ("y", "x")).columns) == ["y", "x"]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(1000.0))
    np.testing.assert_array_equal(table(tmp_path).columns["x"], np.arange(1000, dtype=np.float32))


def test_the_schema_reads_the_heads_alone(tmp_path: Path) -> None:
    file = saved(tmp_path, x=np.zeros((1000, 100)))
    content = bytearray(file.read_bytes())
    content[400_000] ^= 255
    file.write_bytes(content)
    assert Npz("a.npz").schema(here(tmp_path)).rows == {"train": 1000}
    assert broken(tmp_path).reason == "is not a whole npz file: Bad CRC-32 for file 'x.npy'"


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({}, "holds no arrays"),
        ({"x": np.ones(3), "y": np.ones(4)}, "array `y` has 4 rows, and `x` has 3"),
        ({"x": np.ones((0, 3))}, "array `x` has no rows"),
        ({"x": np.float32(1)}, "array `x` is one number, without a row axis"),
        ({"x": np.array(["up", "down"])}, "array `x` holds <U4, not numbers that a model can take"),
        ({"x": np.ones(3, complex)}, "array `x` holds complex128, not numbers that a model can take"),
        ({"x": np.array([{}, []], object)}, "array `x` holds Python objects, which are never loaded"),
        ({"x": np.array([[1, 2], [3, np.nan]])}, "array `x` holds a value in row 1 that no f32 is"),
        ({"x": np.array([1, np.inf])}, "array `x` holds a value in row 1 that no f32 is"),
        ({"x": np.array([1, 1e39])}, "array `x` holds a value in row 1 that no f32 is"),
        ({"x": np.array([1, 2**31])}, "array `x` holds a value in row 1 that no i32 is"),
        ({"x": np.array([2**63], np.uint64)}, "array `x` holds a value in row 0 that no i32 is"),
    ],
)
def test_arrays_that_no_model_takes_are_named(arrays: dict[str, Any], reason: str, tmp_path: Path) -> None:
    saved(tmp_path, **arrays)
    assert broken(tmp_path).reason == reason


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"\x93NUMPY\x01\x00 not an archive"])
def test_a_file_that_is_no_archive_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    found = broken(tmp_path)
    assert found.reason == "is not a whole npz file: File is not a zip file"
    assert found.help == "write it anew with `numpy.savez`"


def test_any_truncation_of_a_file_is_named(tmp_path: Path) -> None:
    whole = saved(tmp_path, x=np.arange(50.0), y=np.arange(50)).read_bytes()
    for length in range(0, len(whole), 37):
        (tmp_path / "a.npz").write_bytes(whole[:length])
        assert broken(tmp_path).reason.startswith("is not a whole npz file: ")


@pytest.mark.parametrize(
    ("name", "head", "reason"),
    [
        (
            "x.npy",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (9, 9)}",
            "array `x` is not as long as its head says",
        ),
        (
            "x.npy",
            "{'descr': '<f8', 'shape': (3,)}",
            "is not a whole npz file: Header does not contain the correct keys",
        ),
        ("x.npy", "__import__('os').abort()", "is not a whole npz file: "),
        ("notes.txt", "{}", "holds no arrays"),
    ],
)
def test_a_forged_head_is_named(name: str, head: str, reason: str, tmp_path: Path) -> None:
    body = io.BytesIO()
    padded = (head + " " * (117 - len(head)) + "\n").encode()
    body.write(b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(24))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(name, body.getvalue())
    assert broken(tmp_path).reason.startswith(reason)


@pytest.mark.parametrize(
    ("fields", "reason", "help"),
    [
        (("imag",), "`a.npz` has no array `imag`", "did you mean `image`?"),
        (("zzz",), "`a.npz` has no array `zzz`", "its arrays are `image`, `a b`"),
        (None, "array `a b` has a name that a `.net` file cannot write", "name the arrays to take: `fields = [...]`"),
    ],
)
def test_arrays_that_cannot_be_taken_are_refused(
    fields: tuple[str, ...] | None, reason: str, help: str, tmp_path: Path
) -> None:
    saved(tmp_path, image=np.ones(3), **{"a b": np.ones(3)})
    with pytest.raises(DataRefused) as caught:
        Npz("a.npz", fields).schema(here(tmp_path))
    assert (caught.value.reason, caught.value.help) == (reason, help)

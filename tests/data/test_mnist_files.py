"""The idx files of MNIST: whole, packed, and damaged in every way."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from data_files import here, idx, write_pictures

from dslc.data.base import DataBroken, DataMissing, Folders, Records
from dslc.data.sources.mnist import Mnist

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def broken(base: Path) -> DataBroken:
    """What loading says; the head alone may be whole."""
    with pytest.raises(DataBroken) as caught:
        Mnist().load(here(base))
    return caught.value


def test_packed_and_plain_files_hold_the_same(tmp_path: Path) -> None:
    write_pictures(tmp_path / "plain" / "mnist")
    write_pictures(tmp_path / "packed" / "mnist", packed=True)
    plain, packed = (Mnist().load(here(tmp_path / kind)) for kind in ("plain", "packed"))
    for part in ("train", "test"):
        np.testing.assert_array_equal(getattr(plain, part).columns["image"], getattr(packed, part).columns["image"])
        np.testing.assert_array_equal(getattr(plain, part).columns["label"], getattr(packed, part).columns["label"])


def test_a_packed_file_may_have_lost_its_ending(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "mnist", packed=True)
    for file in folder.iterdir():
        file.rename(file.with_suffix(""))
    assert Mnist().load(here(tmp_path)).train.rows() == 12


def test_bytes_become_pixels_row_by_row(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "mnist", train=1)
    (folder / IMAGES).write_bytes(idx(1, 28, 28, body=bytes(range(256)) * 3 + bytes(16)))
    train = Mnist().load(here(tmp_path)).train
    assert isinstance(train, Records)
    assert train.columns["image"].shape == (1, 28, 28, 1)
    assert train.columns["image"][0, 1, 2, 0] == 28 + 2
    assert train.columns["image"][0, 9, 5, 0] == 9 * 28 + 5 - 256


def test_the_schema_counts_the_rows_of_both_parts(tmp_path: Path) -> None:
    write_pictures(tmp_path / "mnist", train=12, test=5)
    assert Mnist().schema(here(tmp_path)).rows == {"train": 12, "test": 5}


def test_missing_files_leave_the_types_known(tmp_path: Path) -> None:
    with pytest.raises(DataMissing) as caught:
        Mnist().schema(here(tmp_path))
    assert caught.value.reason == f"`mnist/{IMAGES}` is not there"
    assert caught.value.schema is not None
    assert str(caught.value.schema.fields["image"]) == "[batch, 28, 28, 1]"
    assert caught.value.schema.rows == {"train": None, "test": None}


def test_a_stream_that_ends_early_is_named(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "mnist", packed=True) / f"{IMAGES}.gz"
    file.write_bytes(file.read_bytes()[:3000])
    found = broken(tmp_path)
    assert (found.file, found.reason) == (file, "ends in the middle of its gzip stream")
    assert found.help == "fetch the file again"


def test_a_damaged_stream_is_named(tmp_path: Path) -> None:
    file = write_pictures(tmp_path / "mnist", packed=True) / f"{IMAGES}.gz"
    content = bytearray(file.read_bytes())
    content[-6] ^= 255
    file.write_bytes(content)
    assert broken(tmp_path).reason.startswith("has a damaged gzip stream: CRC check failed")
    file.write_bytes(content[:10] + b"\xff" * 100)
    assert broken(tmp_path).reason.startswith("has a damaged gzip stream: Error -3")


@pytest.mark.parametrize(
    ("name", "content", "offset", "reason"),
    [
        (IMAGES, b"", 0, "does not begin as an idx file of bytes with 3 axes (found nothing)"),
        (IMAGES, b"\x89PNG\r\n", 0, "does not begin as an idx file of bytes with 3 axes (found 89 50 4e 47)"),
        (IMAGES, idx(12, body=bytes(12)), 0, "does not begin as an idx file of bytes with 3 axes (found 00 00 08 01)"),
        (IMAGES, idx(12, 28, 28, body=b"")[:10], 10, "ends in its head"),
        (IMAGES, idx(12, 32, 32, body=bytes(12 * 1024)), 8, "holds items of 32 x 32, not of 28 x 28"),
        (IMAGES, idx(0, 28, 28, body=b""), 4, "holds no items"),
        (IMAGES, idx(12, 28, 28, body=bytes(1000)), 1016, "ends after 1,000 of 9,408 bytes"),
        (IMAGES, idx(12, 28, 28, body=bytes(9409)), 9424, "goes on after the 12 items that its head names"),
        (LABELS, idx(11, body=bytes(11)), 4, "holds 11 labels for 12 pictures"),
        (LABELS, idx(12, body=bytes(11) + b"\x0a"), 19, "holds the label 10, and there are 10 classes"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_wrong_content_is_named_with_its_place(
    name: str, content: bytes, offset: int, reason: str, packed: bool, tmp_path: Path
) -> None:
    file = write_pictures(tmp_path / "mnist") / name
    file.write_bytes(gzip.compress(content) if packed else content)
    found = broken(tmp_path)
    assert (found.file, found.offset, found.reason) == (file, offset, reason)
    assert str(found) == f"{name}: byte {offset}: {reason}"


def test_a_head_that_promises_the_moon_takes_no_memory(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "mnist")
    most = 2**32 - 1
    (folder / IMAGES).write_bytes(idx(most, 28, 28, body=bytes(784)))
    (folder / LABELS).write_bytes(idx(most, body=bytes(1)))
    assert broken(tmp_path).reason == "says that it holds 4,294,967,295 items, more than its bytes can"


@pytest.mark.skipif(not (SHARED / "mnist").is_dir(), reason="the real files are not here")
def test_the_real_files_hold_what_is_known_of_them() -> None:
    parts = Mnist().load(Folders(Path("nowhere"), (SHARED,)))
    assert (parts.train.rows(), parts.test and parts.test.rows()) == (60_000, 10_000)
    assert isinstance(parts.train, Records)
    counts = np.bincount(parts.train.columns["label"])
    # How often each digit is written, from the data set's page.
    assert counts.tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    # The mean and deviation that everybody normalizes with, to the four digits that they are known with.
    image = parts.train.columns["image"]
    assert image.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert image.std() / 255 == pytest.approx(0.3081, abs=5e-5)

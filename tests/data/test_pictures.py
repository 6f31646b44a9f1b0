"""Picture files: how they were held when they were taken, and how much of them is read for their size."""

from pathlib import Path

import numpy as np
import pytest
from data_files import here
from PIL import Image, ImageOps

from dslc.data.base import DataBroken, Records
from dslc.data.sources._files_of_pictures import size_of
from dslc.data.sources.images import Images


def taken(file: Path, orientation: int) -> np.ndarray:
    """A picture of 6 x 4 pixels, 6 of them high in the file, with a note of how the camera was held."""
    pixels = np.random.default_rng(orientation).integers(0, 256, (6, 4, 3), np.uint8)
    notes = Image.Exif()
    notes[0x0112] = orientation
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(file, exif=notes)
    with Image.open(file) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_pictures_are_upright_as_pillow_has_them(tmp_path: Path, ending: str, orientation: int) -> None:
    expected = taken(tmp_path / "held" / f"a.{ending}", orientation)
    source = Images("held")
    assert size_of(tmp_path / "held" / f"a.{ending}") == expected.shape[:2]
    table = source.load(here(tmp_path)).train
    assert isinstance(table, Records)
    np.testing.assert_array_equal(np.asarray(table.columns["image"])[0], expected)
    assert source.schema(here(tmp_path)).fields["image"].shape[1:] == expected.shape


def test_the_size_is_in_the_head_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    Image.fromarray(np.zeros((640, 480, 3), np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:700])
    assert size_of(file) == (640, 480)
    with pytest.raises(DataBroken, match="no whole picture"):
        Images(".").load(here(tmp_path))

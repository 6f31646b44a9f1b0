"""CIFAR, tokens, pictures in folders, and texts as words: what they hold, and what they refuse."""

import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from data_files import CIFAR10, REVIEWS, here, write_cifar, write_ppm

from dslc.data.base import DataBroken, DataFailure, DataMissing, DataRefused, PathRefused, Records, Table
from dslc.data.sources.cifar10 import Cifar10
from dslc.data.sources.cifar100 import Cifar100
from dslc.data.sources.image_pairs import ImagePairs
from dslc.data.sources.image_text import ImageText
from dslc.data.sources.images import Images
from dslc.data.sources.text_pairs import TextPairs
from dslc.data.sources.text_table import TextTable
from dslc.data.sources.tokens import Tokens


def columns(table: Table) -> dict[str, Any]:
    assert isinstance(table, Records)
    return dict(table.columns)


def test_cifar_puts_channels_last_and_all_batches_in_a_row(tmp_path: Path) -> None:
    write_cifar(tmp_path / "cifar10", CIFAR10, (10,))
    parts = Cifar10().load(here(tmp_path))
    record = np.frombuffer((tmp_path / "cifar10" / "data_batch_2.bin").read_bytes(), np.uint8)[3073 : 2 * 3073]
    found = columns(parts.train)
    assert parts.train.rows() == 15
    assert found["label"][4] == record[0] == 1
    # The second row of the red channel begins 32 bytes after the first.
    assert found["image"][4, 1, 0, 0] == record[1 + 32]
    assert found["image"][4, 0, 5, 2] == record[1 + 2 * 1024 + 5]


def test_cifar100_has_groups_and_kinds(tmp_path: Path) -> None:
    write_cifar(tmp_path / "cifar100", {"train.bin": 30, "test.bin": 3}, (20, 100))
    found = columns(Cifar100().load(here(tmp_path)).train)
    assert found["group"][25] == 5
    assert found["label"][25] == 25


def test_a_record_cut_short_and_a_wrong_label_are_found(tmp_path: Path) -> None:
    folder = write_cifar(tmp_path / "cifar10", CIFAR10, (10,))
    whole = (folder / "test_batch.bin").read_bytes()
    (folder / "test_batch.bin").write_bytes(whole[:-1])
    with pytest.raises(DataBroken, match="no whole records of 3,073"):
        Cifar10().schema(here(tmp_path))
    (folder / "test_batch.bin").write_bytes(b"\xff" + whole[1:])
    with pytest.raises(DataBroken, match="holds the label 255"):
        Cifar10().load(here(tmp_path))


def test_missing_pictures_leave_their_shape_known(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="data_batch_1") as caught:
        Cifar10().schema(here(tmp_path))
    assert str(caught.value.schema.fields["image"]) == "[batch, 32, 32, 3]"  # type: ignore[union-attr]
    assert "binary version" in (caught.value.help or "")
    with pytest.raises(DataMissing) as caught:
        Images("imagenet/").schema(here(tmp_path))
    assert str(caught.value.schema.fields["image"]) == "[batch, height, width, 3]"  # type: ignore[union-attr]


@pytest.mark.parametrize(("dtype", "written"), [("u8", "u1"), ("u16", "<u2"), ("i32", "<i4")])
def test_tokens_are_the_numbers_of_the_file(dtype: str, written: str, tmp_path: Path) -> None:
    np.arange(7, 57).astype(written).tofile(tmp_path / "ids.bin")
    table = Tokens("ids.bin", dtype, context=4, vocab=57).load(here(tmp_path)).train
    found = table.gather(table.arrays, jnp.array([3], jnp.int32))
    assert found["tokens"].tolist() == [[10, 11, 12, 13]]
    assert found["target"].tolist() == [[11, 12, 13, 14]]
    with pytest.raises(DataBroken, match="holds the number 56, and tokens are below 56"):
        Tokens("ids.bin", dtype, context=4, vocab=56).load(here(tmp_path))


def test_tokens_of_another_width_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ids.bin").write_bytes(b"abc")
    with pytest.raises(DataBroken, match="no whole numbers of 2"):
        Tokens("ids.bin", context=1).schema(here(tmp_path))
    with pytest.raises(DataRefused, match='no `dtype = "f32"`'):
        Tokens("ids.bin", "f32", context=1).schema(here(tmp_path))
    with pytest.raises(DataBroken, match="has 3 tokens, and a window takes 4"):
        Tokens("ids.bin", "u8", context=3).schema(here(tmp_path))


def test_folders_are_classes_and_parts(tmp_path: Path) -> None:
    pixels = write_ppm(tmp_path / "pets" / "train" / "dog" / "a.ppm", 5, 5)
    write_ppm(tmp_path / "pets" / "train" / "cat" / "b.ppm", 5, 5, 1)
    write_ppm(tmp_path / "pets" / "test" / "dog" / "c.ppm", 5, 5, 2)
    parts = Images("pets").load(here(tmp_path))
    found = columns(parts.train)
    assert parts.names["label"] == ("cat", "dog")
    assert found["label"].tolist() == [0, 1]
    np.testing.assert_array_equal(found["image"][1], pixels)
    assert parts.test is not None
    assert columns(parts.test)["label"].tolist() == [1]


def test_pictures_without_subfolders_have_no_label(tmp_path: Path) -> None:
    write_ppm(tmp_path / "faces" / "a.ppm", 4, 4)
    parts = Images("faces", channels=1).load(here(tmp_path))
    assert set(parts.train.schema.fields) == {"image"}
    assert columns(parts.train)["image"].shape == (1, 4, 4, 1)


def test_a_picture_is_cut_to_the_middle_and_resized(tmp_path: Path) -> None:
    pixels = write_ppm(tmp_path / "wide" / "a.ppm", 4, 10)
    found = columns(Images("wide", size=4).load(here(tmp_path)).train)["image"]
    # The height fits already, so the middle 4 of 10 columns are taken as they are.
    np.testing.assert_array_equal(found[0], pixels[:, 3:7])


def test_pictures_of_two_sizes_need_one(tmp_path: Path) -> None:
    write_ppm(tmp_path / "pets" / "a.ppm", 4, 4)
    write_ppm(tmp_path / "pets" / "b.ppm", 4, 5)
    with pytest.raises(DataBroken, match=r"is 4 x 5, and `a\.ppm` is 4 x 4") as caught:
        Images("pets").load(here(tmp_path))
    assert caught.value.help == "give all one size: `size = 256`"
    (tmp_path / "pets" / "b.ppm").write_bytes(b"P6 nonsense")
    with pytest.raises(DataBroken, match="no whole picture"):
        Images("pets", size=4).load(here(tmp_path))


def test_folders_stay_below_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside")
    for path in ("../outside", "/etc", "link"):
        with pytest.raises(PathRefused):
            Images(path).schema(here(tmp_path / "inside"))
    with pytest.raises(DataBroken, match="holds no picture files"):
        Images("outside").schema(here(tmp_path))


def test_links_out_of_a_folder_of_pictures_are_refused(tmp_path: Path) -> None:
    write_ppm(tmp_path / "outside" / "b.ppm", 4, 4)
    (tmp_path / "outside" / "a.txt").write_text("a secret")
    (tmp_path / "bpe.txt").write_text("a b\n")
    for name in ("classes", "flat", "captions"):
        write_ppm(tmp_path / "net" / name / "a.ppm", 4, 4)
    (tmp_path / "net" / "classes" / "kind").symlink_to(tmp_path / "outside")
    (tmp_path / "net" / "flat" / "b.ppm").symlink_to(tmp_path / "outside" / "b.ppm")
    (tmp_path / "net" / "captions" / "a.txt").symlink_to(tmp_path / "outside" / "a.txt")
    for source in (Images("classes"), Images("flat"), ImageText("captions", "bpe.txt")):
        with pytest.raises(PathRefused, match="a link out of its folder"):
            source.schema(here(tmp_path / "net"))


def test_pictures_of_more_than_8_bits_are_refused(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    (tmp_path / "scans").mkdir()
    for ending, dtype in (("png", np.uint16), ("tif", np.float32)):
        pillow.fromarray(np.arange(16, dtype=dtype).reshape(4, 4)).save(tmp_path / "scans" / f"a.{ending}")
        with pytest.raises(DataBroken, match="more than 8 bits"):
            Images("scans").schema(here(tmp_path))
        (tmp_path / "scans" / f"a.{ending}").unlink()


def test_a_picture_beside_folders_of_classes_belongs_to_none(tmp_path: Path) -> None:
    write_ppm(tmp_path / "pets" / "cat" / "a.ppm", 4, 4)
    write_ppm(tmp_path / "pets" / "b.ppm", 4, 4)
    with pytest.raises(DataBroken, match=r"b.ppm: stands beside the folders of classes, such as `cat`"):
        Images("pets").schema(here(tmp_path))


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    write_ppm(tmp_path / "pets" / "a.ppm", 4, 4)
    os.mkfifo(tmp_path / "pets" / "b.ppm")
    with pytest.raises(DataBroken, match="not a regular file"):
        Images("pets").load(here(tmp_path))


def test_pairs_of_pictures_go_by_name(tmp_path: Path) -> None:
    left = write_ppm(tmp_path / "maps" / "photo" / "b.ppm", 4, 4, 1)
    write_ppm(tmp_path / "maps" / "photo" / "a.ppm", 4, 4, 2)
    right = write_ppm(tmp_path / "maps" / "drawing" / "b.ppm", 4, 4, 3)
    write_ppm(tmp_path / "maps" / "drawing" / "a.ppm", 4, 4, 4)
    source = ImagePairs("maps", ("photo", "drawing"))
    found = columns(source.load(here(tmp_path)).train)
    np.testing.assert_array_equal(found["photo"][1], left)
    np.testing.assert_array_equal(found["drawing"][1], right)
    write_ppm(tmp_path / "maps" / "photo" / "c.ppm", 4, 4)
    with pytest.raises(DataBroken, match="has no partner of its name in `drawing`"):
        source.schema(here(tmp_path))
    write_ppm(tmp_path / "maps" / "photo" / "a.pgm", 4, 4)
    with pytest.raises(DataBroken, match=r"a.pgm: has the name of `a.ppm`"):
        source.schema(here(tmp_path))


def test_words_are_numbered_by_how_often_they_come(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text(REVIEWS)
    parts = TextTable("reviews.csv", "review", "mood", vocab=5, context=4).load(here(tmp_path))
    assert parts.names["tokens"] == ("<fill>", "<unknown>", "good", "film", "!")
    assert parts.names["label"] == ("happy", "sad")
    found = columns(parts.train)
    assert found["tokens"].tolist() == [[2, 1, 2, 1], [1, 1, 3, 0], [2, 1, 3, 0]]
    assert found["label"].tolist() == [0, 1, 0]


def test_pairs_of_texts_have_two_vocabularies(tmp_path: Path) -> None:
    # A line ends where the file says so, and not at a separator in a text.
    (tmp_path / "pairs.tsv").write_text("Go\u2028on\tWeiter so\n\nGo\tLos\r\n", "utf-8", newline="")
    parts = TextPairs("pairs.tsv", ("en", "de"), context=3).load(here(tmp_path))
    assert parts.names["en"] == ("<fill>", "<unknown>", "go", "on")
    assert columns(parts.train)["de"].tolist() == [[4, 3, 0], [2, 0, 0]]
    (tmp_path / "pairs.tsv").write_text("Go on\tWeiter so\nGo\n")
    with pytest.raises(DataBroken, match="no two texts") as caught:
        TextPairs("pairs.tsv").load(here(tmp_path))
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (TextPairs("a.tsv", names=("one",)), "no two names"),
        (TextPairs("a.tsv", vocab=2), "`vocab` of 2"),
        (TextTable("a.csv", "a", "b", vocab=9, context=0), "`context` of 0"),
        (TextPairs("a.tsv", names=("one", "two", "one")), "no two names"),
        (ImagePairs("a", names=("x", "x")), "no two names"),
        (ImagePairs("a", names=("x", "y", "x")), "no two names"),
        (Images("a", size=(1, 2, 3)), "no size"),
        (Images("a", channels=2), "2 channels"),
        (Tokens("a", context=0), "holds nothing"),
        (Tokens("a", context=3, vocab=0), "`vocab` of 0"),
    ],
)
def test_settings_that_fit_nothing_are_refused(source: Any, reason: str, tmp_path: Path) -> None:
    with pytest.raises(DataFailure, match=reason) as caught:
        source.schema(here(tmp_path))
    assert isinstance(caught.value, DataRefused)

"""Where data is looked for, and which paths a `.net` file may write."""

import os
from pathlib import Path

import pytest

from dslc.data.base import DataBroken, DataMissing, Folders, PathRefused


def written(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_a_file_is_found_beside_the_net_file(tmp_path: Path) -> None:
    file = written(tmp_path / "sub" / "a.csv")
    assert Folders(tmp_path).find("sub/a.csv") == file


def test_folders_of_the_command_line_come_first_and_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    written(tmp_path / "net" / "a.csv")
    file = written(second / "a.csv")
    assert Folders(tmp_path / "net", (first, second)).find("a.csv") == file
    earlier = written(first / "a.csv")
    assert Folders(tmp_path / "net", (first, second)).find("a.csv") == earlier


def test_a_folder_of_the_command_line_may_be_the_folder_itself(tmp_path: Path) -> None:
    file = written(tmp_path / "anywhere" / "b.gz")
    assert Folders(tmp_path / "net", (tmp_path / "anywhere",)).find("mnist/", "b", "b.gz") == file


def test_a_missing_file_names_the_places_looked_at_and_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataMissing) as caught:
        Folders(tmp_path / "net", (tmp_path / "data",)).find("a.csv")
    assert caught.value.reason == "`a.csv` is not there"
    assert caught.value.looked == (tmp_path / "data" / "a.csv", tmp_path / "net" / "a.csv")
    assert caught.value.help == "put the file beside the `.net` file, or name its folder with `--data DIR`"


def test_a_missing_folder_names_each_file_in_each_place(tmp_path: Path) -> None:
    with pytest.raises(DataMissing) as caught:
        Folders(tmp_path, (tmp_path / "data",)).find("mnist/", "b", "b.gz")
    assert caught.value.reason == "`mnist/b` is not there"
    places = (tmp_path / "data" / "mnist", tmp_path / "data", tmp_path / "mnist")
    assert caught.value.looked == tuple(place / name for place in places for name in ("b", "b.gz"))
    assert caught.value.help == "put the folder with `b` beside the `.net` file, or name its folder with `--data DIR`"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "`/etc/passwd` is an absolute path"),
        ("C:\\data\\a.csv", "`C:\\data\\a.csv` is an absolute path"),
        ("\\\\host\\a.csv", "`\\\\host\\a.csv` is an absolute path"),
        ("\\a.csv", "`\\a.csv` is an absolute path"),
        ("../a.csv", "`../a.csv` climbs out with `..`"),
        ("sub/../../a.csv", "`sub/../../a.csv` climbs out with `..`"),
        ("sub\\..\\..\\a.csv", "`sub\\..\\..\\a.csv` climbs out with `..`"),
        ("", "a path needs a name in it"),
        ("  ", "a path needs a name in it"),
        ("a\0b", "a path needs a name in it"),
    ],
)
def test_paths_that_could_leave_the_folder_are_refused(path: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(PathRefused) as caught:
        Folders(tmp_path).find(path)
    assert (caught.value.path, caught.value.reason) == (path, reason)
    way_out = "write a path below the folder of the `.net` file, and name other folders with `--data DIR`"
    assert caught.value.help == way_out


def test_a_path_too_long_for_the_system_is_refused(tmp_path: Path) -> None:
    path = "a" * 5_000
    with pytest.raises(PathRefused) as caught:
        Folders(tmp_path).find(path)
    assert caught.value.reason == f"`{path}` cannot be looked up: File name too long"


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    secret = written(tmp_path / "outside" / "secret.csv")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "a.csv").symlink_to(secret)
    (tmp_path / "net" / "sub").symlink_to(secret.parent)
    for path in ("a.csv", "sub/secret.csv"):
        with pytest.raises(PathRefused) as caught:
            Folders(tmp_path / "net").find(path)
        assert caught.value.reason == f"`{path}` is a link out of its folder"
        assert caught.value.help == "name the real folder with `--data DIR`"


def test_a_link_into_a_folder_of_the_command_line_is_followed(tmp_path: Path) -> None:
    file = written(tmp_path / "disk" / "a.csv")
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "link.csv").symlink_to(file)
    assert Folders(tmp_path / "net", (tmp_path / "disk",)).find("link.csv").resolve() == file


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    file = written(tmp_path / "real.csv")
    (tmp_path / "a.csv").symlink_to(file)
    assert Folders(tmp_path).find("a.csv").resolve() == file


def test_a_link_to_itself_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "a.csv")
    with pytest.raises(DataMissing):
        Folders(tmp_path).find("a.csv")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (("folder", "is a folder, not a file"), ("pipe", "is not a regular file")):
        with pytest.raises(DataBroken) as caught:
            Folders(tmp_path).find(path)
        assert caught.value.reason == reason

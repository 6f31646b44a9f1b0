"""Tables from text: the rule of the fields, and what is wrong with a file, at its line."""

from pathlib import Path

import numpy as np
import pytest
from data_files import PENGUINS, here

from dslc.data.base import DataBroken, DataMissing, DataRefused, Records
from dslc.data.sources import _columns
from dslc.data.sources.csv import Csv


def table(base: Path, text: str, target: str = "y", fields: tuple[str, ...] | None = None) -> Records:
    (base / "a.csv").write_text(text)
    found = Csv("a.csv", target, fields).load(here(base)).train
    assert isinstance(found, Records)
    return found


def shown(found: Records) -> list[str]:
    return [f"{name} {type}" for name, type in found.schema.fields.items()]


def broken(base: Path, content: str | bytes, target: str = "y") -> DataBroken:
    (base / "a.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataBroken) as caught:
        Csv("a.csv", target).load(here(base))
    return caught.value


def test_numbers_are_stacked_and_words_are_categories(tmp_path: Path) -> None:
    found = table(tmp_path, PENGUINS, target="species")
    assert shown(found) == ["island i32[batch]", "features [batch, 2]", "label i32[batch]"]
    assert found.schema.classes == {"island": 3, "label": 3}
    np.testing.assert_array_equal(found.columns["island"], [2, 1, 0, 2])
    np.testing.assert_array_equal(found.columns["label"], [0, 1, 2, 0])
    bills_and_masses = np.array([[39.1, 3750], [46.5, 3500], [46.1, 4500], [39.5, 3800]], np.float32)
    np.testing.assert_array_equal(found.columns["features"], bills_and_masses)


def test_the_words_of_the_categories_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(PENGUINS)
    names = Csv("a.csv", "species").load(here(tmp_path)).names
    assert names == {"island": ("Biscoe", "Dream", "Torgersen"), "label": ("Adelie", "Chinstrap", "Gentoo")}


def test_a_target_of_numbers_is_a_float(tmp_path: Path) -> None:
    found = table(tmp_path, PENGUINS, target="mass")
    assert shown(found) == ["island i32[batch]", "species i32[batch]", "features [batch, 1]", "target [batch]"]
    np.testing.assert_array_equal(found.columns["target"], [3750, 3500, 4500, 3800])


def test_fields_keeps_columns_apart_by_name(tmp_path: Path) -> None:
    found = table(tmp_path, "a,b,c,y\n1,2,3,4\n5,6,7,8\n", fields=("c", "a"))
    assert shown(found) == ["a [batch]", "c [batch]", "features [batch, 1]", "target [batch]"]
    np.testing.assert_array_equal(found.columns["features"], [[2], [6]])
    np.testing.assert_array_equal(found.columns["c"], [3, 7])


def test_without_numbers_left_there_are_no_features(tmp_path: Path) -> None:
    found = table(tmp_path, "a,y\n1,2\n3,4\n", fields=("a",))
    assert shown(found) == ["a [batch]", "target [batch]"]


def test_quotes_blank_lines_spaces_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    found = table(tmp_path, '\ufeffa, "b c",y\r\n\r\n1, 2,"up, and\nup"\r\n-1e-3,.5,down\r\n')
    np.testing.assert_array_equal(found.columns["features"], np.array([[1, 2], [-1e-3, 0.5]], np.float32))
    np.testing.assert_array_equal(found.columns["label"], [1, 0])


def test_words_that_look_like_numbers_later_stay_words(tmp_path: Path) -> None:
    np.testing.assert_array_equal(table(tmp_path, "x,y\n1,A\n2,7\n").columns["label"], [1, 0])


def test_the_schema_of_a_large_file_reads_its_first_rows_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,A\n2,B\nbroken\n")
    monkeypatch.setattr(_columns, "SMALL", 8)
    schema = Csv("a.csv", "y").schema(here(tmp_path))
    assert {name: str(type) for name, type in schema.fields.items()} == {
        "features": "[batch, 1]",
        "label": "i32[batch]",
    }
    assert (schema.classes, schema.rows) == ({}, {"train": None})


def test_a_missing_file_is_missing_in_the_schema_too(tmp_path: Path) -> None:
    with pytest.raises(DataMissing) as caught:
        Csv("a.csv", "y").schema(here(tmp_path))
    assert caught.value.looked == (tmp_path / "a.csv",)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("", 1, "is empty"),
        ("\n\n", 1, "is empty"),
        ("a,y\n", 2, "has no rows below its head"),
        ("1,2\n3,4\n", 1, "begins with a row of numbers"),
        ("a;y\n1;2\n", 1, "separates its cells by `;`, not by commas"),
        ("a\ty\n1\t2\n", 1, "separates its cells by tabs, not by commas"),
        ("a,a,y\n1,2,3\n", 1, "names column `a` twice"),
        ("a,,y\n1,2,3\n", 1, "does not name column 2"),
        ("a,y\n1,2\n3\n", 3, "the row has 1 cell, and the head names 2 columns"),
        ("a,y\n1,2\n\n3,4,5\n", 4, "the row has 3 cells, and the head names 2 columns"),
        ("a,y\n1,2\nx,4\n", 3, "column `a` holds numbers, and `x` is not a finite number"),
        ("a,y\n1,2\n3,?\n", 3, "column `y` holds numbers, and `?` is not a finite number"),
        ("a,y\n1,2\n1_000,4\n", 3, "column `a` holds numbers, and `1_000` is not a finite number"),
        ("a,y\n1,2\nnan,4\n", 3, "column `a` holds numbers, and `nan` is not a finite number"),
        ("a,y\n1,2\n-inf,4\n", 3, "column `a` holds numbers, and `-inf` is not a finite number"),
        ("a,y\n1,2\n1e39,4\n", 3, "column `a` holds numbers, and `1e39` is not a finite number"),
        ("a,y\n1,2\n,4\n", 3, "column `a` holds numbers, and the cell is empty"),
        ("a,y\nup,2\n,4\n", 3, "column `a` holds words, and the cell is empty"),
        ("a,y\n?,2\n3,4\n", 2, "the first cell of column `a` is `?`, which does not say what the column holds"),
        ("a,y\nNaN,2\n3,4\n", 2, "the first cell of column `a` is `NaN`, which does not say what the column holds"),
        ('a,y\n1,"2\n', 2, "is not comma-separated text: unexpected end of data"),
        ('a,y\n1,"2"3\n', 2, "is not comma-separated text: ',' expected after '\"'"),
        (b"a,y\n1,2\n3,\xff\n", 3, "byte 10 is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(content: str | bytes, line: int, reason: str, tmp_path: Path) -> None:
    found = broken(tmp_path, content)
    assert (found.line, found.reason) == (line, reason)
    assert str(found) == f"a.csv: line {line}: {reason}"


def test_a_cell_larger_than_any_is_named(tmp_path: Path) -> None:
    found = broken(tmp_path, "a,y\n1," + "2" * 200_000 + "\n")
    assert found.reason == "is not comma-separated text: field larger than field limit (131072)"


@pytest.mark.parametrize(
    ("target", "fields", "reason", "help"),
    [
        ("specie", None, "`a.csv` has no column `specie`", "did you mean `species`?"),
        ("zzz", None, "`a.csv` has no column `zzz`", "its columns are `bill`, `island`, `mass`, `species`"),
        ("species", ("bil",), "`a.csv` has no column `bil`", "did you mean `bill`?"),
        (
            "mass",
            ("mass",),
            "column `mass` is the target, and cannot be a field of its own",
            "leave it out of `fields`",
        ),
    ],
)
def test_columns_that_are_not_there_are_refused(
    target: str, fields: tuple[str, ...] | None, reason: str, help: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(PENGUINS)
    with pytest.raises(DataRefused) as caught:
        Csv("a.csv", target, fields).schema(here(tmp_path))
    assert (caught.value.reason, caught.value.help) == (reason, help)


@pytest.mark.parametrize(
    ("head", "fields", "reason"),
    [
        ("a b,y", ("a b",), "column `a b` is no name that a `.net` file can write, and cannot be a field of its own"),
        ("target,y", ("target",), "two fields would be called `target`"),
    ],
)
def test_fields_that_could_not_be_told_apart_are_refused(
    head: str, fields: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(DataRefused) as caught:
        table(tmp_path, f"{head}\n1,2\n", fields=fields)
    assert caught.value.reason == reason


def test_a_column_of_words_called_features_is_refused_beside_features(tmp_path: Path) -> None:
    with pytest.raises(DataRefused) as caught:
        table(tmp_path, "features,a,y\nup,1,2\n")
    assert caught.value.reason == "two fields would be called `features`"
    assert caught.value.help == "rename column `features` in the file"

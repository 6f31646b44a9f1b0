"""Text: its characters, its windows, and files that cannot be cut into any."""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from data_files import here
from hypothesis import given
from hypothesis import strategies as st

from dslc.data.base import DataBroken, DataMissing, DataRefused, Folders, Windows
from dslc.data.sources import text as text_module
from dslc.data.sources.text import Text
from dslc.data.vocabulary import UnknownCharacter, characters, decode, encode

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def windows(base: Path, content: str | bytes, context: int = 3, vocab: str | None = None) -> Windows:
    (base / "a.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    found = Text("a.txt", context=context, vocab=vocab).load(here(base)).train
    assert isinstance(found, Windows)
    return found


def broken(base: Path, content: str | bytes, context: int = 3) -> DataBroken:
    with pytest.raises(DataBroken) as caught:
        windows(base, content, context)
    return caught.value


def test_characters_are_numbered_in_the_order_of_their_code_points(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("cab\nba")
    parts = Text("a.txt", context=3).load(here(tmp_path))
    assert parts.names["tokens"] == ("\n", "a", "b", "c")
    np.testing.assert_array_equal(parts.train.arrays["ids"], [3, 1, 2, 0, 2, 1])


def test_the_target_is_the_window_one_character_later(tmp_path: Path) -> None:
    table = windows(tmp_path, "abcdefg", context=3)
    assert table.rows() == 4
    found = table.gather(table.arrays, jnp.array([0, 3], jnp.int32))
    np.testing.assert_array_equal(found["tokens"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["target"], [[1, 2, 3], [4, 5, 6]])


def test_evaluation_predicts_every_character_once(tmp_path: Path) -> None:
    table = windows(tmp_path, "abcdefghij", context=3).for_evaluation()
    assert table.rows() == 3
    found = table.gather(table.arrays, jnp.arange(3, dtype=jnp.int32))
    np.testing.assert_array_equal(np.ravel(found["target"]), np.arange(1, 10))


def test_the_schema_knows_the_size_of_the_vocabulary(tmp_path: Path) -> None:
    schema = windows(tmp_path, "hello world").schema
    assert schema.classes == {"tokens": 8, "target": 8}
    assert str(schema.fields["tokens"]) == str(schema.fields["target"]) == "i32[batch, 3]"


def test_the_schema_of_a_large_file_leaves_its_characters_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_bytes(b"abcdef\xff")
    monkeypatch.setattr(text_module, "SMALL", 4)
    schema = Text("a.txt", context=3).schema(here(tmp_path))
    assert (schema.classes, schema.rows) == ({}, {"train": None})
    with pytest.raises(DataBroken):
        Text("a.txt", context=7).schema(here(tmp_path))


def test_a_vocabulary_file_numbers_the_characters(tmp_path: Path) -> None:
    (tmp_path / "chars.txt").write_text("zyxcba")
    table = windows(tmp_path, "cabcab", vocab="chars.txt")
    np.testing.assert_array_equal(table.ids, [2, 0, 1, 2, 0, 1])
    assert table.schema.classes["tokens"] == 6


def test_a_character_that_the_vocabulary_lacks_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "chars.txt").write_text("abc\n")
    with pytest.raises(DataBroken) as caught:
        windows(tmp_path, "cab\ncad\n", vocab="chars.txt")
    assert (caught.value.line, caught.value.reason) == (2, "the vocabulary `chars.txt` has no character 'd'")
    assert caught.value.help == "leave `vocab` out to take the characters of the text"


def test_an_empty_or_missing_vocabulary_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "chars.txt").write_text("")
    with pytest.raises(DataBroken) as caught:
        windows(tmp_path, "cab\ncad\n", vocab="chars.txt")
    assert str(caught.value) == "chars.txt: is empty"
    with pytest.raises(DataMissing):
        windows(tmp_path, "cab\ncad\n", vocab="other.txt")


@pytest.mark.parametrize(("size", "dtype"), [(3, np.uint8), (256, np.uint8), (257, np.uint16), (70_000, np.int32)])
def test_ids_take_the_least_memory_that_holds_them(size: int, dtype: type) -> None:
    vocabulary = tuple(chr(0x10000 + number) for number in range(size))
    ids = encode(vocabulary[-1] + vocabulary[0], vocabulary)
    assert ids.dtype == dtype
    np.testing.assert_array_equal(ids, [size - 1, 0])


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_decoding_undoes_encoding(text: str) -> None:
    vocabulary = characters(text)
    assert decode(encode(text, vocabulary), vocabulary) == text


def test_encoding_names_the_first_unknown_character() -> None:
    with pytest.raises(UnknownCharacter) as caught:
        encode("abcabx", ("a", "b", "c"))
    assert (caught.value.character, caught.value.place) == ("x", 5)
    assert caught.value.reason == "the vocabulary has no character 'x'"


def test_an_empty_prompt_encodes_to_nothing() -> None:
    assert len(encode("", ("a",))) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("abc", "has 3 characters, and a window takes 4 (`context` and the one to predict)"),
        ("äöü", "has 3 characters, and a window takes 4 (`context` and the one to predict)"),
        (b"abc\nd\xff", "byte 5 is not UTF-8"),
    ],
)
def test_a_text_without_a_window_is_named(content: str | bytes, reason: str, tmp_path: Path) -> None:
    found = broken(tmp_path, content)
    assert (found.file, found.reason) == (tmp_path / "a.txt", reason)


def test_a_context_that_is_too_long_comes_with_one_that_fits(tmp_path: Path) -> None:
    assert broken(tmp_path, "a" * 50, context=50).help == "write `context = 5`, or take a longer text"


@pytest.mark.parametrize(
    ("source", "reason", "help"),
    [
        (
            Text("a.txt", by="word", context=3),
            '`text` cuts by characters, not `by = "word"`',
            'write `by = "char"`, or leave it out',
        ),
        (Text("a.txt", context=0), "a window of 0 characters holds nothing", "`context` is 1 or more"),
    ],
)
def test_other_ways_to_cut_are_refused(source: Text, reason: str, help: str, tmp_path: Path) -> None:
    for read in (source.schema, source.load):
        with pytest.raises(DataRefused) as caught:
            read(here(tmp_path))
        assert (caught.value.reason, caught.value.help) == (reason, help)


@pytest.mark.skipif(not (SHARED / "tinyshakespeare.txt").is_file(), reason="the real file is not here")
def test_tiny_shakespeare_has_65_characters() -> None:
    parts = Text("tinyshakespeare.txt", context=64).load(Folders(SHARED))
    assert parts.train.schema.classes == {"tokens": 65, "target": 65}
    assert parts.train.rows() == 1_115_394 - 64
    assert decode(parts.train.arrays["ids"][:14], parts.names["tokens"]) == "First Citizen:"

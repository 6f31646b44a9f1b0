"""Pictures with texts, and the byte pairs of these."""

from pathlib import Path

import pytest
from data_files import here, write_ppm

from dslc.data.base import DataBroken, DataRefused, Records
from dslc.data.bpe import END, START, Merges, signs_of_bytes, words_of
from dslc.data.sources.image_text import ImageText

MERGES = "#version: 0.2\nc a\nca t</w>\nt h\nth e</w>\n"


def test_words_are_cut_as_clip_cuts_them() -> None:
    found = list(words_of("it's 42 cats!? naïve_x we'll"))
    assert found == ["it", "'s", "4", "2", "cats", "!?", "naïve", "_", "x", "we", "'ll"]


def test_pieces_are_joined_in_the_order_of_the_merges(tmp_path: Path) -> None:
    (tmp_path / "bpe.txt").write_text(MERGES)
    merges = Merges.read(tmp_path / "bpe.txt")
    # 256 signs, 256 ends of words, 4 pairs, start and end.
    assert len(merges.pieces) == 518
    found = [merges.pieces[number] for number in merges.encode("The  CAT\ncats", 12)]
    assert found[:7] == [START, "the</w>", "cat</w>", "ca", "t", "s</w>", END]
    assert merges.encode("The", 5) == [516, 515, 517, 0, 0]
    # `a` is the 65th sign that can be seen, from `!` on; at the end of a word 256 more.
    assert merges.encode("a", 3) == [516, 256 + ord("a") - ord("!"), 517]
    assert merges.encode("the the the", 4) == [516, 515, 515, 517]


def test_every_byte_has_a_sign_of_its_own() -> None:
    signs = signs_of_bytes()
    assert len(signs) == len(set(signs.values())) == 256
    assert not any(sign.isspace() for sign in signs.values())


def test_pictures_and_texts_go_by_name(tmp_path: Path) -> None:
    (tmp_path / "bpe.txt").write_text(MERGES)
    for name, text in {"b": "the cat", "a": "cat"}.items():
        write_ppm(tmp_path / "pairs" / f"{name}.ppm", 4, 4)
        (tmp_path / "pairs" / f"{name}.txt").write_text(text)
    parts = ImageText("pairs", "bpe.txt", context=5).load(here(tmp_path))
    assert isinstance(parts.train, Records)
    assert parts.train.columns["tokens"].tolist() == [[516, 513, 517, 0, 0], [516, 515, 513, 517, 0]]
    (tmp_path / "pairs" / "b.txt").unlink()
    with pytest.raises(DataBroken, match="has no text beside it"):
        ImageText("pairs", "bpe.txt").schema(here(tmp_path))
    with pytest.raises(DataRefused, match="`context` of 2"):
        ImageText("pairs", "bpe.txt", context=2).schema(here(tmp_path))


def test_merges_that_are_none_are_found(tmp_path: Path) -> None:
    (tmp_path / "bpe.txt").write_text("a b\nc d e\n")
    with pytest.raises(DataBroken, match="no pair of pieces") as caught:
        Merges.read(tmp_path / "bpe.txt")
    assert caught.value.line == 2

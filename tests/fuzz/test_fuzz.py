"""The fuzzers with a small budget that is the same every time, and everything that they have found before."""

import random
from pathlib import Path

import pytest
from minimize import smallest
from models import model_file
from mutate import mutated, seeds
from trial import HERE, Found, finding, laid_out, whole

from dslc.resolve import effort
from grammar import grammar_file, kind, same_tree

FOUND = sorted((HERE / "found").glob("*.net"))
BATCH = 25


@pytest.fixture(autouse=True)
def aside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Where no data lies; and written out to fewer stages, so that the limit itself is soon reached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(effort, "MOST_STAGES", 3_000)


@pytest.mark.parametrize("first", range(0, 4 * BATCH, BATCH))
def test_damaged_files_get_messages_and_never_a_crash(first: int):
    for seed in range(first, first + BATCH):
        whole(mutated(random.Random(seed)))


@pytest.mark.parametrize("first", range(0, 4 * BATCH, BATCH))
def test_sentences_of_the_grammar_keep_their_tree(first: int):
    for seed in range(first, first + BATCH):
        same_tree(grammar_file(random.Random(seed)))


@pytest.mark.parametrize("first", range(0, BATCH, BATCH))
def test_models_of_layers_that_fit_are_clean_and_keep_their_tree(first: int):
    kinds: list[str] = []
    for seed in range(first, first + BATCH):
        text = model_file(random.Random(seed))
        same_tree(text)
        kinds.append(kind(text))
    assert kinds.count("clean") > 0.8 * BATCH


@pytest.mark.parametrize("file", FOUND, ids=lambda file: file.stem)
def test_what_was_found_before_is_mended(file: Path):
    whole(file.read_text("utf-8", errors="surrogatepass"))


def test_seeds_are_in_the_canonical_layout():
    assert len(seeds()) > 50
    for file in (HERE / "seeds").glob("*.net"):
        text = file.read_text("utf-8")
        assert laid_out(text) == text, file.name


def test_the_smallest_text_with_a_finding_is_found():
    def trial(text: str) -> None:
        if "dense" in text and "relu" in text:
            raise Found("both", "words")

    def bad(text: str) -> bool:
        return finding(text, trial) is not None

    text = (HERE / "seeds" / "resnet50.net").read_text("utf-8") + "block b = dense(3) -> relu\n"
    assert bad(text)
    assert sorted(smallest(text, bad).replace("dense", "1").replace("relu", "2")) == ["1", "2"]

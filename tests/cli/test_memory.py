"""`--memory`: what a step may take, on the command line."""

import json
from pathlib import Path

import pytest
from cli.commands import Dslc

DEEP = """\
net 1
model deep(depth = 16) {
  input  image: [batch, 8, 8, 1]
  output logits = image -> flatten
    -> repeat depth { residual { layer_norm -> dense(64) -> gelu -> dropout(0.1) -> dense(64) } } as blocks -> dense(10)
}
train deep {
  data  = digits() -> split(0.9, 0.1)
  loss  = (logits, label) -> cross_entropy
  batch = 512
  steps = 3
  log   = 1
}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs and speeds are not kept in the folder of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def deep(tmp_path: Path) -> str:
    (tmp_path / "deep.net").write_text(DEEP)
    return "deep.net"


def test_compile_lists_what_is_computed_again(dslc: Dslc, deep: str):
    said = dslc("compile", deep, "--memory", "9MB", "--json")
    assert (said.status, said.err) == (0, "")
    facts = json.loads(said.out)
    again = facts["again"]
    assert again["estimate"] <= again["memory"] == 9_000_000
    assert again["places"]
    assert all(place["line"] == 5 for place in again["places"] if place["path"].startswith("blocks"))
    whole = json.loads(dslc("compile", deep, "--json").out)
    assert whole["again"] is None
    # XLA's own count falls at least by half of what is said: buffers that it had shared before are no saving.
    assert whole["xla"]["temporary"] - facts["xla"]["temporary"] > 0.5 * again["saved"]


def test_compile_says_it_in_words_as_well(dslc: Dslc, deep: str):
    said = dslc("compile", deep, "--memory", "9MB").out
    assert "computed again for the backward pass\n" in said
    assert "FLOPs more" in said
    assert "memory of a step with 512 rows, as estimated from the graph\n" in said
    assert "XLA counts for that" in said
    assert "by the speeds of this machine" in " ".join(said.split())
    assert all(len(line) <= 80 for line in said.splitlines())


def test_training_with_less_memory_gives_the_same_losses(dslc: Dslc, deep: str, tmp_path: Path):
    losses: list[list[float]] = []
    for number, words in enumerate(((), ("--memory", "9MB"))):
        assert dslc("train", deep, "-o", f"run{number}", *words).status == 0
        lines = (tmp_path / f"run{number}" / "metrics.jsonl").read_text().splitlines()
        losses.append([line["loss"] for line in map(json.loads, lines) if line["split"] == "train"])
    assert len(losses[0]) == 3
    # The same draws; sums in float32 that XLA fuses in another way.
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_what_cannot_fit_is_an_error_with_the_least_that_can(dslc: Dslc, deep: str):
    said = dslc("compile", deep, "--memory", "1MB")
    assert said.status == 1
    assert "error[E0463]: a training step takes at least" in said.err


def test_an_amount_has_a_number_and_a_unit(dslc: Dslc, deep: str):
    said = dslc("train", deep, "--memory", "much")
    assert said.status == 2
    assert "an amount is written as `8GB` or `512MiB`" in " ".join(said.err.split())

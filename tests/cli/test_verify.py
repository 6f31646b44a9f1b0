"""`dslc compile --verify` from the command line."""

import json
from pathlib import Path

import pytest
from cli.commands import Dslc

from dslc import agreement


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are not kept in the folder of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_table_says_what_was_compared(dslc: Dslc, mlp: str):
    said = dslc("compile", mlp, "--verify")
    assert said.status == 0, said.err
    first, columns, *rows = said.out.splitlines()
    assert first.endswith("compared in float64 with what the file says, a tensor's largest number being 1")
    assert columns.split() == ["tensors", "largest", "difference", "bound", "of"]
    assert rows[0].startswith("  passes: outputs and next states")
    assert any("generated backward pass of `loss`" in row for row in rows)
    assert "differs" not in said.out


def test_json_has_the_same(dslc: Dslc, mlp: str):
    said = dslc("compile", mlp, "--verify", "--json")
    facts = json.loads(said.out)
    assert facts["agrees"]
    assert all(row["difference"] <= row["bound"] for row in facts["compared"])


def test_a_difference_is_a_coded_error_after_the_table(dslc: Dslc, mlp: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        agreement, "compared", lambda _: (agreement.Compared("passes: outputs", 1, "loss", 1e-3, 1e-12),)
    )
    monkeypatch.setattr("dslc.cli._verified.compared", agreement.compared)
    said = dslc("compile", mlp, "--verify")
    assert said.status == 1
    assert "differs" in said.out
    assert "error[E0530]: this is a bug in dslc: passes: outputs differ from what the file says" in said.err
    assert "`loss` is off by 1.0e-03 of its size, where 1.0e-12 may be" in said.err


def test_numbers_that_are_not_finite_cannot_be_compared(dslc: Dslc, tmp_path: Path):
    (tmp_path / "m.net").write_text("net 1\nmodel m {\n  input x: [batch, 4]\n  output y = x -> log -> dense(2)\n}\n")
    said = dslc("compile", "m.net", "--verify")
    assert said.status == 1
    assert "error[E0531]: `y` is not finite on random numbers, so nothing can be compared" in said.err

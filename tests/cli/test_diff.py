"""`dslc diff`: what differs between two files or variants."""

import json
from pathlib import Path

from cli.commands import MLP, Dslc


def test_a_variant_differs_in_its_layers_and_weights(dslc: Dslc, mlp: str) -> None:
    said = dslc("diff", mlp, ":wide")
    assert (said.status, said.err) == (0, "")
    assert all(len(line) <= 80 for line in said.out.splitlines())
    assert "~ dense\n    - dense to [batch, 8], 40 weights" in said.out
    assert "    + dense to [batch, 32], 160 weights" in said.out
    # 4 * 8 + 8 + 8 * 3 + 3 and 4 * 32 + 32 + 32 * 3 + 3.
    assert json.loads(dslc("diff", mlp, f"{mlp}:wide", "--json").out)["parameters"] == [67, 259]


def test_layers_that_one_file_has_alone_are_told(dslc: Dslc, mlp: str, tmp_path: Path) -> None:
    (tmp_path / "other.net").write_text(MLP.replace("relu -> ", "").replace("dense(3)", "dense(3) -> tanh"))
    found = json.loads(dslc("diff", mlp, "other.net", "--json").out)["layers"]
    alone = {row["path"]: row["before"] is None for row in found if None in (row["before"], row["after"])}
    assert alone == {"tanh": True, "relu": False}


def test_a_file_is_the_same_as_itself(dslc: Dslc, mlp: str) -> None:
    assert dslc("diff", mlp, mlp).out.endswith("\nthe layers are the same\n")


def test_what_is_not_there_is_a_coded_error(dslc: Dslc, mlp: str) -> None:
    assert "error[E0501]" in dslc("diff", mlp, "gone.net").err
    assert "there is no variant called `narrow`" in dslc("diff", mlp, ":narrow").err

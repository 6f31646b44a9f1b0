"""`dslc summary`."""

import json
from pathlib import Path
from typing import Any

import pytest
from cli.commands import Dslc

REPEATED = """\
net 1
block ffn(hidden): [batch, seq, d] -> [batch, seq, d] = layer_norm -> dense(hidden) -> gelu -> dense(d)
model tied(vocab = 11, d = 8, layers = 5) {
  input  tokens: i32[batch, seq <= 16]
  layer  table = embedding(vocab, d)
  output logits = tokens -> table -> repeat layers { residual { ffn(2 * d) } } as blocks -> (it @ table.table.T)
}
"""
FFN = 2 * 8 + (8 * 16 + 16) + (16 * 8 + 8)


def summary(dslc: Dslc, *words: str) -> dict[str, Any]:
    said = dslc("summary", *words, "--json")
    assert (said.status, said.err) == (0, "")
    return json.loads(said.out)


def test_json_counts_a_small_network_as_one_does_by_hand(dslc: Dslc, mlp: str):
    found = summary(dslc, mlp, "--dim", "batch=2")
    assert found.pop("training")["memory"]["weights"] == 4 * 67
    assert found == {
        "model": "mlp",
        "parameters": 4 * 8 + 8 + 8 * 3 + 3,
        "trainable": 67,
        "flops": 2 * (2 * 4 * 8 + 8) + 2 * 8 + 2 * (2 * 8 * 3 + 3),
        "activation_bytes": 4 * 2 * (8 + 8 + 8 + 3),
        "dims": {"batch": 2},
        "layers": [
            {
                "path": "dense", "op": "dense", "inputs": ["[2, 4]"], "output": "[2, 8]",
                "parameters": 40, "flops": 144, "line": 4, "repeat": 1,
            },
            {
                "path": "relu", "op": "relu", "inputs": ["[2, 8]"], "output": "[2, 8]",
                "parameters": 0, "flops": 16, "line": 4, "repeat": 1,
            },
            {
                "path": "dropout", "op": "dropout", "inputs": ["[2, 8]"], "output": "[2, 8]",
                "parameters": 0, "flops": 0, "line": 4, "repeat": 1,
            },
            {
                "path": "dense_2", "op": "dense", "inputs": ["[2, 8]"], "output": "[2, 3]",
                "parameters": 27, "flops": 102, "line": 4, "repeat": 1,
            },
        ],
    }  # fmt: skip


def test_sizes_that_are_not_given_count_as_one(dslc: Dslc, mlp: str):
    found = summary(dslc, mlp)
    assert found["dims"] == {"batch": 1}
    assert found["layers"][0]["output"] == "[batch, 8]"
    assert 2 * found["flops"] == summary(dslc, mlp, "--dim", "batch=2")["flops"]


def test_tied_weights_count_once_and_a_repeat_counts_all_its_layers(dslc: Dslc, tmp_path: Path):
    (tmp_path / "tied.net").write_text(REPEATED)
    found = summary(dslc, "tied.net", "--dim", "seq=4")
    assert found["parameters"] == 11 * 8 + 5 * FFN
    assert sum(layer["parameters"] for layer in found["layers"]) == found["parameters"]
    assert sum(layer["flops"] for layer in found["layers"]) == found["flops"]
    inner = [layer for layer in found["layers"] if layer["path"].startswith("blocks.")]
    assert {layer["repeat"] for layer in inner} == {5}
    assert sum(layer["parameters"] for layer in inner) == 5 * FFN
    one = summary(dslc, "tied.net", "--dim", "seq=4", "--set", "layers=1")
    of_blocks = sum(layer["flops"] for layer in inner)
    assert found["flops"] - one["flops"] == of_blocks * 4 // 5


def test_statistics_are_no_weights(dslc: Dslc, tmp_path: Path):
    (tmp_path / "norm.net").write_text(
        "net 1\nmodel m { input x: [batch, 6]  output y = x -> batch_norm -> dense(2) }\n"
    )
    assert summary(dslc, "norm.net")["parameters"] == 2 * 6 + 6 * 2 + 2
    assert "12 numbers of statistics" in dslc("summary", "norm.net").out


def test_variants_and_settings_are_summed_up(dslc: Dslc, mlp: str):
    assert summary(dslc, mlp, "--variant", "wide")["parameters"] == 4 * 32 + 32 + 32 * 3 + 3
    assert summary(dslc, mlp, "--set", "hidden=1")["parameters"] == 4 + 1 + 3 + 3
    said = dslc("summary", mlp, "--variant", "huge")
    assert said.status == 1
    assert "there is no variant called `huge`" in said.err


def test_the_table_of_a_small_network(dslc: Dslc, mlp: str):
    said = dslc("summary", mlp)
    table, _, training = said.out.partition("\ntraining\n")
    # 67 weights of 4 bytes, and 32 rows of 4 floats, a class and the number of the row.
    assert [line.split() for line in training.splitlines() if "weights" in line or "the batch" in line] == [
        ["the", "batch", "768", "B"],
        ["weights", "268", "B"],
    ]
    assert [line.rstrip() for line in table.splitlines()] == [
        "mlp: features [batch, 4] -> logits [batch, 3]",
        "",
        "layer    op      output     weights FLOPs memory",
        "dense    dense   [batch, 8]      40    72   32 B",
        "relu     relu    [batch, 8]             8   32 B",
        "dropout  dropout [batch, 8]                 32 B",
        "dense_2  dense   [batch, 3]      27    51   12 B",
        "4 layers                         67   131  108 B",
        "",
        "67 weights; FLOPs and memory of one forward pass with batch = 1",
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_deep_network_fits_the_terminal(dslc: Dslc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = REPEATED.replace("as blocks", "as a_rather_long_name_of_blocks").replace(
        "residual {", "residual { dropout(0.1) as noise_of_the_input ->"
    )
    (tmp_path / "deep.net").write_text(text)
    lines = dslc("summary", "deep.net").out.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= columns
    words = "".join(line.split(" ")[0] for line in lines)
    assert "a_rather_long_name_of_blocks.*.noise_of_the_input" in words


def test_sizes_with_which_the_model_cannot_work_are_refused(dslc: Dslc, tmp_path: Path):
    text = 'net 1\nmodel m { input x: [batch, h, 3]  output y = x -> conv(4, 5, padding = "valid") }\n'
    (tmp_path / "narrow.net").write_text(text)
    said = dslc("summary", "narrow.net")
    assert (said.status, said.out) == (1, "")
    assert "error[E0321]: the model cannot work with `batch = 1`, `h = 1`" in said.err
    assert "this would be [1, -3, 4]" in said.err
    assert summary(dslc, "narrow.net", "--dim", "h=5")["dims"] == {"batch": 1, "h": 5}


def test_a_dimension_without_a_name_is_shown_as_it_is_written(dslc: Dslc, tmp_path: Path):
    (tmp_path / "any.net").write_text("net 1\nmodel m { input x: [batch, _, 3]  output y = x -> dense(2) }\n")
    found = summary(dslc, "any.net")
    assert found["layers"][0]["output"] == "[batch, _, 2]"
    assert found["dims"] == {"batch": 1}

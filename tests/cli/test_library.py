"""`dslc explain` and `dslc layers` on the standard library, and the commands on files that import."""

import json
from pathlib import Path

from cli.commands import Dslc

TEXT = """net 1
import std.transformer as t
model m { input x: [batch, 16, 8]  output y = x -> t.encoder(2) }
"""


def test_explain_shows_the_library_a_file_of_it_and_a_block(dslc: Dslc):
    assert "`std.transformer.decoder`: A layer" in dslc("explain", "std").out
    assert "`decoder(heads, hidden = none" in dslc("explain", "std.transformer").out.replace("\n", " ")
    shown = dslc("explain", "std.transformer.decoder").out
    assert "arXiv 1706.03762" in shown
    assert "    block decoder(heads, hidden = none" in shown
    assert "        gives [batch, 5, 64], 66,752 weights" in shown
    assert "    cross_attention.attention : [batch, 5, 64] = attention(4) cross_attention.layer_norm x1\n" in shown


def test_explain_knows_which_block_was_meant(dslc: Dslc):
    for subject in ("decoder", "std.transformer.decodr", "std.decoder"):
        said = dslc("explain", subject)
        assert said.status == 2
        assert "std.transformer.decoder" in said.err, subject


def test_layers_list_the_blocks_of_the_library(dslc: Dslc):
    assert "blocks: std.residual" in dslc("layers").out
    (found,) = json.loads(dslc("layers", "squeeze_excite", "--json").out)[:1]
    assert (found["name"], found["kind"]) == ("std.mobile.squeeze_excite", "block")
    assert found["settings"][:2] == [
        {"name": "hidden", "takes": None, "default": None},
        {"name": "act", "takes": None, "default": "relu"},
    ]


def test_commands_take_files_that_import(dslc: Dslc, tmp_path: Path):
    (tmp_path / "main.net").write_text(TEXT)
    assert dslc("check", "main.net").out == "main.net: 1 model, 1 import, no problems\n"
    assert "encoder.attention" in dslc("summary", "main.net").out
    assert dslc("view", "main.net", "-o", "main.html").status == 0
    assert "dslc/std/transformer.net:" in (tmp_path / "main.html").read_text("utf-8")
    assert "import t from std.transformer  @ line 2" in dslc("compile", "main.net", "--after", "resolve").out

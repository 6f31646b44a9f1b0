"""`dslc compile` and `dslc view`."""

import json
import re
from pathlib import Path

import jax
import jax.export
import pytest
from cli.commands import MLP, Dslc

from dslc import lazy
from dslc.compiler import STAGES
from dslc.text import from_text

DEAD = """\
net 1
model twice(width = 16) {
  input  x: [batch, 4]
  unused = x -> tanh
  output y = x -> dense(width) -> dense(4)
}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are not kept in the folder of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_report_of_a_training_program(dslc: Dslc, mlp: str):
    said = dslc("compile", mlp)
    assert (said.status, said.err) == (0, "")
    assert all(len(line) <= 80 for line in said.out.splitlines())
    times, text = said.out.split("\n\n", 1)
    assert times.startswith("mlp: the training loop\n")
    stages = ("parse", "resolve", "build", "optimize", "differentiate", "trace", "lower", "compile")
    assert re.findall(r"([a-z]+) [\d,]+ ms", times) == list(stages)
    assert text.startswith("passes\n")
    assert "  dense : [32, 8] = dense(8) features" in text
    assert "  67 weights; forward pass of a batch: " in text
    assert "XLA counts for a step: " in text


def test_a_repeat_that_is_unrolled_shows_it(dslc: Dslc, tmp_path: Path):
    layers = "repeat 3 { residual { dense(4) -> tanh } } as blocks"
    (tmp_path / "deep.net").write_text(MLP.replace("dense(hidden)", layers))
    out = dslc("compile", "deep.net").out
    assert "unroll_short_repeats took `blocks` (line 4)" in out
    assert "  blocks : [32, 4] = 3 x {\n" in out
    assert "  blocks : [32, 4] = 3 x, side by side {\n" in out


def test_passes_say_what_they_took_and_where(dslc: Dslc, tmp_path: Path):
    (tmp_path / "twice.net").write_text(DEAD)
    said = dslc("compile", "twice.net")
    assert "  collapse_dense took `dense`, `dense_2` (line 5): " in said.out
    assert "source graph\n  x : [1, 4] = input\n" in said.out
    assert "optimized graph\n  x : [1, 4] = input\n" in said.out
    refused = dslc("compile", "twice.net", "--set", "width=1").out
    assert "collapse_dense refused `dense`, `dense_2` (line 5): the 1 units between" in refused.replace("\n   ", "")


def test_wide_terminals_show_both_graphs_beside_each_other(dslc: Dslc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "twice.net").write_text(DEAD)
    monkeypatch.setenv("COLUMNS", "120")
    lines = dslc("compile", "twice.net").out.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("source graph"))
    rows = lines[start : lines.index("", start)]
    assert all(len(row) <= 120 for row in rows)
    assert re.fullmatch(r"source graph +\| optimized graph", rows[0])
    assert re.fullmatch(r"  x : \[1, 4\] = input +\| x : \[1, 4\] = input", rows[1])
    assert any(" * " in row for row in rows)


def test_passes_can_be_chosen_and_left_out(dslc: Dslc, tmp_path: Path):
    (tmp_path / "twice.net").write_text(DEAD)
    assert "collapse_dense" not in dslc("compile", "twice.net", "--no-passes").out
    facts = json.loads(dslc("compile", "twice.net", "--passes", "collapse_dense", "--json").out)
    assert [step["name"] for step in facts["passes"]] == ["collapse_dense"]
    said = dslc("compile", "twice.net", "--passes", "colapse_dense")
    assert said.status == 2
    assert "did you mean `collapse_dense`?" in said.err
    assert dslc("compile", "twice.net", "--passes", "collapse_dense", "--no-passes").status == 2


def test_json_has_all_that_the_report_says(dslc: Dslc, tmp_path: Path):
    (tmp_path / "twice.net").write_text(DEAD)
    facts = json.loads(dslc("compile", "twice.net", "--json", "-o", "made").out)
    assert facts["model"] == "twice"
    assert facts["kind"] == "inference"
    assert facts["parameters"] == 4 * 16 + 16 + 16 * 4 + 4
    taken = next(step for step in facts["passes"] if step["name"] == "collapse_dense")["taken"]
    assert [place["line"] for place in taken[0]["places"]] == [5, 5]
    assert facts["xla"]["flops"] > 0
    assert set(facts["seconds"]) == {"parse", "resolve", "build", "optimize", "trace", "lower", "compile"}
    assert facts["files"] == [
        f"made/{name}"
        for name in ("source.ir", "optimized.ir", "program.jaxpr", "program.stablehlo", "apply.export", "program.hlo")
    ]


def test_artifacts_are_written_and_graphs_read_back(dslc: Dslc, mlp: str, tmp_path: Path):
    assert dslc("compile", mlp, "-o", "made/here").status == 0
    made = tmp_path / "made" / "here"
    for name in ("source.ir", "optimized.ir", "backward.ir"):
        assert len(from_text((made / name).read_text())) > 5
    assert "gradient of dense.kernel" in (made / "backward.ir").read_text()
    assert "lambda" in (made / "program.jaxpr").read_text()
    assert "stablehlo.while" in (made / "program.stablehlo").read_text()
    assert (made / "program.hlo").read_text().startswith("HloModule")
    train, start = (
        jax.export.deserialize(bytearray((made / f"{name}.export").read_bytes())) for name in ("train", "start")
    )
    assert train.platforms == start.platforms == ("cpu", "cuda", "tpu")


def test_chosen_artifacts_are_printed_without_a_folder(dslc: Dslc, mlp: str):
    said = dslc("compile", mlp, "--emit", "jaxpr")
    assert said.out.startswith("let ")
    assert "lambda" in said.out
    said = dslc("compile", mlp, "--emit", "jaxpr,torch")
    assert said.status == 2
    assert "there are ir, jaxpr, stablehlo, hlo, python" in said.err


def test_a_folder_that_cannot_be_written_is_a_coded_error(dslc: Dslc, mlp: str, tmp_path: Path):
    (tmp_path / "file").write_text("")
    said = dslc("compile", mlp, "-o", "file/below")
    assert said.status == 1
    assert said.err.startswith("error[E0501]: `file/below/source.ir` cannot be written")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_prints_what_it_returned(dslc: Dslc, mlp: str, stage: str):
    begins = {
        "parse": "File  @ 0..", "resolve": "model mlp  @ line 2\n", "build": "graph mlp {\n", "optimize": "graph mlp {\n",
        "differentiate": "graph mlp {\n", "lower": "let ",
    }  # fmt: skip
    said = dslc("compile", mlp, "--after", stage)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith(begins[stage])


def test_early_stages_do_without_the_later_ones(dslc: Dslc, tmp_path: Path):
    (tmp_path / "bad.net").write_text(MLP.replace("relu", "rellu"))
    assert dslc("compile", "bad.net", "--after", "resolve").status == 0
    said = dslc("compile", "bad.net", "--after", "build")
    assert (said.status, said.out) == (1, "")
    assert "error[E0201]" in said.err
    assert dslc("compile", "bad.net", "--after", "link").status == 2


def test_a_model_that_is_not_trained_has_no_backward_pass(dslc: Dslc, tmp_path: Path):
    (tmp_path / "twice.net").write_text(DEAD)
    said = dslc("compile", "twice.net", "--after", "differentiate")
    assert said.status == 1
    assert "error[E0216]: there is no train block called `twice`" in said.err


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="needs a machine without a GPU")
def test_a_device_that_is_not_there_is_a_coded_error(dslc: Dslc, mlp: str, monkeypatch: pytest.MonkeyPatch):
    def nothing() -> None:
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(lazy.jax, "devices", nothing)
    before = jax.config.jax_platforms
    try:
        said = dslc("compile", mlp, "--device", "gpu")
    finally:
        jax.config.update("jax_platforms", before)
    assert said.status == 1
    assert said.err.startswith("error[E0902]: there is no gpu that JAX can use\n")
    assert dslc("compile", mlp, "--device", "abacus").status == 2


def test_view_writes_a_page_with_all_views(dslc: Dslc, mlp: str, tmp_path: Path):
    said = dslc("view", mlp)
    assert (said.status, said.out) == (0, "mlp.html: mlp\n")
    page = (tmp_path / "mlp.html").read_text()
    assert re.findall(r'"title":"(\w+)","notes"', page) == ["source", "optimized", "backward", "model"]
    assert dslc("view", mlp, "-o", "pages/other.html").status == 0
    assert (tmp_path / "pages" / "other.html").is_file()


def test_view_of_a_model_keeps_its_free_dimensions_and_tells_of_the_passes(dslc: Dslc, tmp_path: Path):
    (tmp_path / "twice.net").write_text(DEAD)
    assert dslc("view", "twice.net").status == 0
    page = (tmp_path / "twice.html").read_text()
    assert re.findall(r'"title":"(\w+)","notes"', page) == ["source", "optimized"]
    assert "collapse_dense took dense, dense_2: " in page
    assert "[batch, 16]" in page

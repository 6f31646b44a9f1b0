"""What `dslc compile` says of passes, of changes between them, and of why a program was compiled anew."""

import json
import re
from pathlib import Path

import pytest
from cli.commands import Dslc

from dslc.ops.attention import _long

TWICE = """\
net 1
model twice(width = 16) {
  input  x: [batch, 4]
  unused = x -> tanh
  output y = x -> dense(width) -> dense(4)
}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs and records are not kept in the folder of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def twice(tmp_path: Path) -> str:
    (tmp_path / "twice.net").write_text(TWICE)
    return "twice.net"


def test_a_pass_is_told_with_the_size_of_the_graph_before_and_after(dslc: Dslc, twice: str) -> None:
    facts = json.loads(dslc("compile", twice, "--json", "--dim", "batch=64").out)
    step = next(step for step in facts["passes"] if step["name"] == "collapse_dense")
    # Two layers of 64 rows: 2 * 4 * 16 and 2 * 16 * 4 with biases, and without the tanh nobody reads.
    assert step["before"]["flops"] >= 64 * (2 * 4 * 16 + 16 + 2 * 16 * 4 + 4)
    assert step["after"]["flops"] == 64 * (2 * 4 * 4 + 4) + 2 * 4 * 16 * 4 + 2 * 16 * 4 + 4
    assert step["before"]["bytes"] > step["after"]["bytes"] > 0
    assert step["seconds"] > 0
    lines = dslc("compile", twice, "--dim", "batch=64").out.splitlines()
    (row,) = [line for line in lines if line.startswith("  collapse_dense  ")]
    assert f"{step['before']['nodes']} -> {step['after']['nodes']}" in row


def test_what_each_pass_changed_is_a_diff(dslc: Dslc, twice: str) -> None:
    said = dslc("compile", twice, "--diff")
    assert said.out.startswith("--- before collapse_dense\n+++ after collapse_dense\n")
    assert "\n-  dense : [1, 16] = dense(units = 16) x" in said.out
    assert "\n+  dense_2.product : [4, 4] = matmul()" in said.out
    alone = dslc("compile", twice, "--diff", "--after", "collapse_dense").out
    assert alone.splitlines()[2:] == said.out.splitlines()[2:]
    assert dslc("compile", twice, "--no-passes", "--diff").out == "no pass changes this graph\n"


def test_two_stages_or_passes_are_compared(dslc: Dslc, twice: str) -> None:
    out = dslc("compile", twice, "--since", "build", "--after", "optimize").out
    assert out.startswith("--- after build\n+++ after optimize\n")
    out = dslc("compile", twice, "--since", "collapse_dense").out
    assert out == "collapse_dense and optimize return the same graph\n"


def test_the_graph_after_a_pass_is_printed(dslc: Dslc, twice: str) -> None:
    assert "dense_2.product" in dslc("compile", twice, "--after", "collapse_dense").out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--after", "collapse_denze"), "did you mean `collapse_dense`?"),
        (("--after", "parse", "--diff"), "of the stages build, optimize, differentiate return a graph"),
        (("--after", "build", "--diff"), "no stage before it has a graph"),
        (("--after", "fuse_linear_cross_entropy"), "does not run in this program, which is for inference"),
    ],
)
def test_what_cannot_be_printed_is_told(dslc: Dslc, twice: str, options: tuple[str, ...], message: str) -> None:
    said = dslc("compile", twice, *options)
    assert (said.status, said.out) == (2, "")
    assert message in " ".join(said.err.split())


def recompiled(dslc: Dslc, *words: str) -> str:
    return json.loads(dslc("compile", *words, "--json").out)["recompiled"]


def test_why_a_program_was_compiled_anew(dslc: Dslc, twice: str, tmp_path: Path) -> None:
    assert recompiled(dslc, twice).startswith("no record of an earlier compilation of this file; ")
    assert recompiled(dslc, twice).startswith("the program of the last time; ")
    found = recompiled(dslc, twice, "--dim", "batch=8")
    assert "another program than the last time: --dim batch: not given, now 8" in found
    assert "field x: [1, 4], now [8, 4]" in found
    recompiled(dslc, twice)
    (tmp_path / twice).write_text(TWICE.replace("dense(4)", "dense(5)"))
    assert recompiled(dslc, twice).startswith("another program than the last time: line 5 of `twice.net`; ")
    (tmp_path / twice).write_text(TWICE.replace("dense(4)", "dense(5)").replace("unused", "unread"))
    assert recompiled(dslc, twice).startswith(
        "the program of the last time, which line 4 of `twice.net` did not change; "
    )
    assert "passes: all, now none" in recompiled(dslc, twice, "--no-passes")


def test_a_record_that_is_damaged_is_no_record(dslc: Dslc, twice: str, tmp_path: Path) -> None:
    recompiled(dslc, twice)
    (record,) = (tmp_path / "cache/dslc/compiled").iterdir()
    record.write_text("{")
    assert recompiled(dslc, twice).startswith("no record")


def test_a_profile_shows_the_source_with_its_times(dslc: Dslc, mlp: str) -> None:
    said = dslc("compile", mlp, "--profile")
    assert (said.status, said.err) == (0, "")
    assert all(len(line) <= 80 for line in said.out.splitlines())
    (row,) = [line for line in said.out.splitlines() if "output logits = features" in line]
    assert re.fullmatch(r"( *[\d.e-]+ [mu]?s){2} +[\d.]+ %     4    output logits = .*", row)
    lines = json.loads(dslc("compile", mlp, "--profile", "--json").out)["lines"]
    assert sum(one["share"] for one in lines) == pytest.approx(1)
    assert {"forward", "backward"} <= {one["part"] for one in lines if one["line"] == 4}


LONG = """\
net 1
model m {
  input  tokens: i32[batch, seq]
  output logits = tokens -> embedding(16, 8) -> attention(1, causal = true) -> dense(16)
}
train m { data = text("t.txt", context = 256) -> split(0.9, 0.1)  loss = (logits, target) -> cross_entropy  batch = 1  steps = 2 }
"""


def test_the_way_that_a_device_takes_is_told(dslc: Dslc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.txt").write_text("".join(chr(97 + n % 16) for n in range(9000)))
    (tmp_path / "m.net").write_text(LONG)
    # As if there were a GPU here: the program of one whose floats are too wide for its kernels runs on a CPU as well.
    monkeypatch.setattr(_long, "local_cuda", lambda: 9.0)
    lines = dslc("compile", "m.net").out.splitlines()
    told = lines[lines.index("on this device") + 1 :]
    assert " ".join(line.strip() for line in told[: told.index("")]) == (
        "attention of float32 [1, 1, 256, 8] to 256 keys is computed in blocks of queries, not by cuDNN: it needs 16-bit "
        'floats, and these are float32: `precision = "bf16"`'
    )

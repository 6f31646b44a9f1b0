"""Layers from a file of the user: they have all that built-in ones have, and no `.net` file can load one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import generate
import pytest

PAGE = Path(generate.DOCS, "adding-a-layer.md").read_text("utf-8")
MODEL = """net 1
model small {
  input  x: [batch, 4]
  output y = x -> dense(8) -> squareplus(b = 2) -> dense(3)
}
"""
LAYER = """from __future__ import annotations
from typing import Literal
from dslc.ops import Cost, Op, Type, op
{mode} = Literal["{mode}"]


@op
class {layer}(Op):
    \"\"\"As it is.\"\"\"

    mode: {mode}

    def infer(self, x: Type) -> Type:
        return x

    def apply(self, weights, x, *, ctx):
        return x

    def cost(self, x: Type) -> Cost:
        return Cost(0)
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


def shell(line: str) -> dict[str, str]:
    """What Bash says to a program when somebody presses tab at the end of the line."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_DSLC_COMPLETE": "complete_bash"}
    return words if line else {}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A command in a folder with the layer of the docs and a model that uses it."""
    (module,) = [fence for fence in generate.fences(PAGE) if fence.marker == "module: layers.py"]
    (tmp_path / "layers.py").write_text(module.text, "utf-8")
    (tmp_path / "model.net").write_text(MODEL, "utf-8")

    def called(*arguments: str, tab: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dslc", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(generate.ROOT), "NO_COLOR": "1", "COLUMNS": "100", **shell(tab)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return called


def test_a_layer_of_a_plugin_is_checked_explained_listed_and_meant(run: Run) -> None:
    assert "no problems" in run("check", "model.net", "--plugin", "layers.py").stdout
    assert "arXiv 2112.11687" in run("explain", "squareplus", "--plugin=layers.py").stdout
    assert "squareplus(b = 4.0)" in run("--plugin", "layers.py", "layers", "squareplus").stdout
    summary = run("summary", "model.net", "--plugin", "layers.py")
    assert summary.returncode == 0, summary.stderr
    assert "squareplus" in summary.stdout
    assert "67" in summary.stdout  # 4 * 8 + 8 + 8 * 3 + 3


def test_the_shell_completes_a_layer_of_a_plugin(run: Run) -> None:
    assert "squareplus" in run(tab="dslc --plugin layers.py explain squ").stdout.split()
    assert "squareplus" not in run(tab="dslc explain squ").stdout.split()


def test_did_you_mean_knows_a_layer_of_a_plugin(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model.net").write_text(MODEL.replace("squareplus", "squareplu"), "utf-8")
    said = run("check", "model.net", "--plugin", "layers.py")
    assert said.returncode == 1
    assert "`squareplus`" in said.stderr


def test_the_layer_of_the_docs_keeps_its_promises(run: Run) -> None:
    done = run("test-op", "layers.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gradients match finite differences" in done.stdout
    assert "BROKEN" not in done.stdout
    assert done.stdout.endswith("1 layer, no broken promises\n")


def test_a_wrong_layer_is_found_out(run: Run, tmp_path: Path) -> None:
    text = (tmp_path / "layers.py").read_text("utf-8")
    (tmp_path / "layers.py").write_text(text.replace("self.b)) / 2", "self.b)) / 3"), "utf-8")
    done = run("test-op", "layers.py")
    assert done.returncode == 1
    (broken,) = [line for line in done.stdout.splitlines() if "BROKEN" in line]
    assert "squareplus-1: literal values come out" in broken


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1 / 0\n", "does not load in line 1: ZeroDivisionError"),
        ("def f(:\n", "does not load in line 1: SyntaxError"),
        ("x = 1\n", "it defines no op"),
        (
            'from dslc.ops import Op, op\n\n\n@op\nclass Own(Op):\n    """No."""\n    infer = apply = print\n',
            "`Own` has no `cost`",
        ),
        (
            'from dslc.ops import Op, op\n\n\n@op\nclass AB(Op):\n    """No."""\n\n\n@op\nclass A_b(Op):\n    """No."""\n',
            "two of its classes are the layer `a_b`",
        ),
        (
            'from dslc.ops import Op, op\n\n\n@op\nclass Dense(Op):\n    """No."""\n',
            "defines `dense`, which the language has",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_a_message(run: Run, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "layers.py").write_text(text, "utf-8")
    done = run("check", "model.net", "--plugin", "layers.py")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_layer_that_fails_is_the_fault_of_its_plugin(run: Run, tmp_path: Path) -> None:
    text = LAYER.format(layer="Squareplus", mode="Soft").replace("return x\n", "return x.nothing\n", 1)
    (tmp_path / "layers.py").write_text(text, "utf-8")
    (tmp_path / "model.net").write_text(MODEL.replace("(b = 2)", '("Soft")'), "utf-8")
    done = run("check", "model.net", "--plugin", "layers.py")
    assert done.returncode == 1
    assert "error[E0328]: the plugin `layers.py` fails in line 14: AttributeError" in done.stderr
    assert "bug in dslc" not in done.stderr


def test_two_plugins_of_one_file_name_keep_their_own_words(run: Run, tmp_path: Path) -> None:
    """The types of settings are read when a layer is used: by then the other file has been loaded."""
    for folder, layer, mode in (("a", "Halved", "Soft"), ("b", "Tripled", "Loud")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "my.layers.py").write_text(LAYER.format(layer=layer, mode=mode), "utf-8")
    (tmp_path / "model.net").write_text(
        'net 1\nmodel m { input x: [batch, 4]  output y = x -> halved("Soft") -> tripled("Loud") }\n', "utf-8"
    )
    done = run("check", "model.net", "--plugin", "a/my.layers.py", "--plugin", "b/my.layers.py")
    assert "no problems" in done.stdout, done.stderr


def test_a_plugin_that_is_not_there_is_a_message(run: Run) -> None:
    done = run("check", "model.net", "--plugin", "nowhere.py")
    assert done.returncode == 1
    assert "is no file of Python" in done.stderr


def test_a_file_cannot_load_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model.net").write_text('net 1\nimport "layers.py" as l\n' + MODEL.removeprefix("net 1\n"), "utf-8")
    done = run("check", "model.net")
    assert done.returncode == 1
    assert "E0" in done.stderr

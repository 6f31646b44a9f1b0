"""`--emit python`: modules that import no dslc, and learn what `dslc train` learns."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
import small

from dslc.artifacts import artifacts
from dslc.cli._files import write
from dslc.compilation import Compilation
from dslc.compiler import Options, read
from dslc.data.folders import Folders
from dslc.emit import emitted
from dslc.emit.text import COLUMNS, laid_out, name_of
from dslc.errors.base import Failed
from dslc.source import Source
from dslc.train.load import beginning
from dslc.train.machine import Machine
from dslc.train.task import make

TESTS = Path(__file__).parent
# Real data sets are no part of the repository.
OUTSIDE = {"gpt_char", "lenet5", "logistic_regression", "mnist_mlp"}
FILES = sorted((*small.FILES, *(TESTS / "language").glob("*.net")))
BUILT_IN = [file for file in FILES if file.stem not in OUTSIDE]
QUICK = ("digits", "steps", "kept", "cells")
STEPS = 4
# Python that has no dslc at all, even where it is installed.
ALONE = """
import runpy, sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("dslc", "optax"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def compilation_of(file: Path) -> Compilation:
    return Compilation(read(str(file)), Options())


def told_by_the_module(folder: Path, name: str, *options: str) -> list[dict[str, float]]:
    """What the module prints, step by step, where there is no dslc."""
    words = [sys.executable, "-c", ALONE, f"{name}.py", "--log", "1", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split(": ", 1)[1].split(", ") for line in done.stdout.splitlines()]
    return [{pair.split(" ")[0]: float(pair.split(" ")[1]) for pair in pairs} for pairs in lines]


def told_by_dslc(compilation: Compilation, steps: int) -> list[dict[str, float]]:
    """The same by the program that `dslc train` runs."""
    plan = compilation.plan
    assert plan is not None
    folders = Folders(Path(compilation.source.name).parent)
    task = make(plan, plan.data.load(folders, plan.seed))
    machine = Machine(task, compilation.source, lambda: beginning(plan, folders))
    carry, found = machine.start(), []
    before = dict.fromkeys(task.scalars, 0.0)
    for step in range(steps):
        carry = machine.run(carry, step + 1)
        sums = {name: float(value) for name, value in jax.device_get(carry.sums).items()}
        found.append({name: sums[name] - before[name] for name in sums})
        before = sums
    machine.close()
    return found


def is_same(file: Path, folder: Path, steps: int) -> None:
    compilation = compilation_of(file)
    for name, content in artifacts(compilation, ("python",)).items():
        write(folder / name, content)
    assert compilation.plan is not None
    module = told_by_the_module(folder, compilation.plan.name, "--steps", str(steps))
    for mine, other in zip(module, told_by_dslc(compilation, steps), strict=True):
        # Differences of float32 sums, in which XLA may order additions in another way: 1e-5 as agreed on.
        assert mine == pytest.approx(other, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", QUICK)
def test_a_module_learns_what_dslc_learns(name: str, tmp_path: Path) -> None:
    (file,) = [file for file in BUILT_IN if file.stem == name]
    is_same(file, tmp_path, STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("file", [file for file in BUILT_IN if file.stem not in QUICK], ids=lambda file: file.stem)
def test_every_file_with_data_of_its_own_is_a_module_that_learns_the_same(file: Path, tmp_path: Path) -> None:
    is_same(file, tmp_path, STEPS)


def test_the_gradient_of_a_convolution_in_groups_is_the_same(tmp_path: Path) -> None:
    # The kernel of the gradient has its axes turned inside of a reshape.
    file = tmp_path / "groups.net"
    file.write_text(
        "net 1\n"
        "model groups { input image: [batch, 8, 8, 1]  output logits = image -> conv(16, 3, stride = 2) -> relu"
        " -> conv(8, 1, groups = 4) -> flatten -> dense(10) }\n"
        "train groups { data = digits() -> scale(0, 1)  loss = (logits, label) -> cross_entropy  batch = 8 }\n"
    )
    is_same(file, tmp_path, STEPS)


def test_a_module_goes_over_the_end_of_an_epoch(tmp_path: Path) -> None:
    text = """net 1
    model m { input features: [batch, 4]  output logits = features -> dense(8) -> dropout(0.5) -> dense(3) }
    train m { data = iris()  loss = (logits, label) -> cross_entropy  batch = 40  epochs = 3  seed = 5 }
    """
    (tmp_path / "m.net").write_text(text)
    is_same(tmp_path / "m.net", tmp_path, 5)


def test_what_a_module_saves_it_reads_again(tmp_path: Path) -> None:
    for name, content in artifacts(compilation_of(small.EXAMPLES / "digits.net"), ("python",)).items():
        write(tmp_path / name, content)
    told_by_the_module(tmp_path, "digits", "--steps", "20", "-o", "trained.safetensors")
    again = told_by_the_module(tmp_path, "digits", "--steps", "1", "--weights", "trained.safetensors")
    first = told_by_the_module(tmp_path, "digits", "--steps", "1")
    # The same batch, before and after twenty steps.
    assert again[0]["loss"] < 0.8 * first[0]["loss"]


def test_a_module_reads_as_a_person_would_write_it() -> None:
    text = emitted(compilation_of(small.EXAMPLES / "digits.net")).text
    assert "    # digits.net:9: -> repeat width in hidden { dense(width) -> relu }\n" in text
    assert 'dense = flatten @ weights["repeat.0.dense.kernel"] + weights["repeat.0.dense.bias"]\n' in text
    assert "def change(gradient, weight, slots, counts):\n" in text
    assert "dslc." not in text
    assert "import dslc" not in text


@pytest.mark.parametrize("name", QUICK)
def test_a_module_is_laid_out(name: str) -> None:
    (file,) = [file for file in BUILT_IN if file.stem == name]
    text = emitted(compilation_of(file)).text
    assert not [line for line in text.splitlines() if len(line) > COLUMNS or line != line.rstrip()]
    assert "\n\n\n\n" not in text


def test_a_model_without_training_is_no_module() -> None:
    with pytest.raises(Failed) as failed:
        emitted(Compilation(Source("m.net", "net 1\nmodel m { input x: [batch, 4]  output y = x -> tanh }"), Options()))
    assert [problem.code for problem in failed.value.problems] == ["E0525"]


def test_a_scaled_loss_is_refused(tmp_path: Path) -> None:
    text = (small.EXAMPLES / "digits.net").read_text().replace("batch     = 32", 'batch = 32  precision = "f16"')
    (tmp_path / "half.net").write_text(text)
    with pytest.raises(Failed) as failed:
        emitted(compilation_of(tmp_path / "half.net"))
    assert [problem.code for problem in failed.value.problems] == ["E0528"]


def test_data_that_draws_is_refused(tmp_path: Path) -> None:
    text = (small.EXAMPLES / "digits.net").read_text().replace("digits()", "digits() -> random_flip")
    (tmp_path / "drawn.net").write_text(text)
    with pytest.raises(Failed) as failed:
        emitted(compilation_of(tmp_path / "drawn.net"))
    assert [problem.code for problem in failed.value.problems] == ["E0529"]


def test_long_statements_break_at_their_brackets() -> None:
    short, long = (", ".join(f"name_{number}" for number in range(count)) for count in (11, 14))
    assert list(laid_out(f"x = call({short})", 1)) == ["    x = call(", f"        {short}", "    )"]
    assert list(laid_out(f"x = call({long})", 1))[1:3] == ["        name_0,", "        name_1,"]
    assert list(laid_out("x = 1", 1)) == ["    x = 1"]


def test_values_are_named_after_their_layers() -> None:
    assert name_of("blocks.*.attn.qkv") == "attn_qkv"
    assert name_of("repeat.0.dense") == "dense"
    assert name_of("train.cross_entropy") == "cross_entropy"

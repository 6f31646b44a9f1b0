"""Every construct of the language at work: small files that train, each with what it must reach."""

import json
import re
from pathlib import Path

import pytest

from dslc import compiler
from dslc.data.folders import Folders
from dslc.source import Source
from dslc.train.session import train

FOLDER = Path(__file__).parent / "language"
FILES = [pytest.param(file, id=file.stem) for file in sorted(FOLDER.glob("*.net"))]
EXPECTED = re.compile(r"^# expected: (\w+) ([\w.]+) ([<>]) ([\d.]+)$", re.MULTILINE)


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_shows_constructs_checks_without_a_word_and_trains(file: Path, tmp_path: Path) -> None:
    source = compiler.read(str(file))
    assert not [problem.headline() for problem in compiler.check(source)]
    expected = EXPECTED.search(source.text)
    assert expected
    split, name, sign, bound = expected.groups()
    result = train(compiler.plan(source), source, Folders(FOLDER), tmp_path / file.stem)
    found = result.values[split][name]
    assert found < float(bound) if sign == "<" else found > float(bound), found


def test_the_files_show_what_the_reference_lists() -> None:
    shown = {
        construct.strip()
        for file in FOLDER.glob("*.net")
        for line in re.findall(r"^# shows: (.+)$", file.read_text("utf-8"), re.MULTILINE)
        for construct in line.split(", ")
    }
    assert shown >= CONSTRUCTS, CONSTRUCTS - shown


def test_progress_runs_from_0_to_1(tmp_path: Path) -> None:
    text = """net 1
    model m { input features: [batch, 4]  output logits = features -> dense(3) }
    train m { data = iris() -> split(0.8, 0.2)  loss = (logits, label) -> cross_entropy  now = progress * 10  steps = 10  log = 1 }
    """
    source = Source("m.net", text)
    train(compiler.plan(source), source, Folders(tmp_path), tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text("utf-8").splitlines()]
    # Tenths in single precision.
    assert [line["now"] for line in lines if line["split"] == "train"] == pytest.approx(range(10), abs=1e-5)
    assert lines[-1]["now"] == pytest.approx(10, abs=1e-5)


CONSTRUCTS = {
    "pipe", "tuple inputs by position and by name", "several outputs", "it", "as", "operators", "comparison", "slices", ".T",
    ".shape", "integer index", "named layer", "shared layer", "tied weight", "layer as a setting",
    "layer that reads tensors", "block with a signature", "block with a body", "input with a default",
    "settings and their functions", "require", "variant", "if", "block as a setting", "residual",
    "residual with a projection", "fork", "fork with a count", "remat", "if as a stage", "else", "repeat by count",
    "over a range", "over a list", "over several lists", "over tensors", "iterations by index",
    "numbers that are scanned", "if on the index", "carry", "next", "scan", "scan in reverse", "start of a carry",
    "several cells in one scan", "bidirectional", "param", "state", "next of a state", "frozen", "gradient",
    "a loss with a derivative in it", "dtype", "expression as a size", "_", "...", "bound", "free name", "assertion", "several models", "model applied by hand",
    "steps", "update", "optimizer of a step", "every", "clip of a step", "stop_gradient", "scalars that are logged",
    "snapshot", "average", "free title of a train block", "metric that is piped with a weight", "progress", "data stages",
    "batch", "seed", "clip", "l1", "l2", "ema", "accumulate", "early_stop", "checkpoint", "validate", "log",
    "schedule with a duration", "constants in the head", "group", "sample", "source as a draw", "model.layer",
    "repeat in a sample block", "import of a file", "import as", "import of std", "variant of an imported model",
    "block of an import as a setting",
}  # fmt: skip

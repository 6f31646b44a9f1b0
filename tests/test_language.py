"""Every construct of the language at work: small files that train, each with what it must reach."""

import re
from pathlib import Path

import pytest

from dslc import compiler
from dslc.data.folders import Folders
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


CONSTRUCTS = {
    "pipe", "tuple inputs by position and by name", "several outputs", "it", "as", "operators", "comparison", "slices", ".T",
    ".shape", "integer index", "named layer", "shared layer", "tied weight", "layer as a setting",
    "layer that reads tensors", "block with a signature", "block with a body", "input with a default",
    "settings and their functions", "require", "variant", "if", "block as a setting", "residual",
    "residual with a projection", "fork", "fork with a count", "remat", "if as a stage", "else", "repeat by count",
    "over a range", "over a list", "over several lists", "over tensors", "iterations by index",
    "numbers that are scanned", "if on the index", "carry", "next", "scan", "scan in reverse", "start of a carry",
    "several cells in one scan", "bidirectional", "param", "state", "next of a state", "frozen", "gradient",
    "a loss with a derivative in it", "dtype", "expression as a size", "_", "...", "bound", "free name", "assertion",
}  # fmt: skip

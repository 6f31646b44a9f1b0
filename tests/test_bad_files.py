"""Files written to be wrong: each gets its codes, its lines and a way out, and says exactly what its golden file says.

A new one is `tests/bad/NAME.net` whose first line foretells what is wrong: `# E0201 in line 5`, several joined by commas.
`python tests/test_bad_files.py --write` then writes `tests/bad/NAME.txt`, the whole message at 100 columns; read it aloud.
"""

import re
import sys
from pathlib import Path

import pytest

from dslc import compiler
from dslc.errors.base import Problem
from dslc.errors.render import report
from dslc.mend import mend
from dslc.source import Source

FOLDER = Path(__file__).parent / "bad"
FILES = sorted(FOLDER.glob("*.net"))
COLUMNS = 100


def read(file: Path) -> tuple[Source, list[Problem]]:
    """A file, and what is wrong with it; what a data set lacks on this machine is left out."""
    source = Source(file.name, file.read_text(encoding="utf-8"))
    return source, [problem for problem in compiler.check(source) if problem.severity != "note"]


def said(source: Source, problems: list[Problem]) -> str:
    return report(problems, {source.name: source}, COLUMNS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_gets_its_codes_its_lines_and_a_way_out(file: Path):
    source, problems = read(file)
    expected = re.findall(r"(\w\d{4}) in line (\d+)", source.line(1))
    assert expected, "begin the file with a line such as `# E0201 in line 5`"
    shown = problems if expected[0][0][0] == "W" else [one for one in problems if one.severity == "error"]
    found = [(problem.code, source.position(problem.span.start)[0]) for problem in shown]
    assert found == [(code, int(line)) for code, line in expected], [problem.headline() for problem in problems]
    assert all(problem.help() for problem in problems)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_says_what_its_golden_file_says(file: Path):
    golden = file.with_suffix(".txt")
    assert golden.exists(), "run `python tests/test_bad_files.py --write`, and read what it writes"
    assert said(*read(file)) == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_fixes_never_make_a_bad_file_worse(file: Path):
    source, problems = read(file)
    state = mend(source, lambda text: list(compiler.check(text)))
    before, after = ([one for one in found if one.severity == "error"] for found in (problems, state.problems))
    assert len(after) <= len(before)


def test_every_golden_file_has_its_bad_file():
    assert {file.stem for file in FOLDER.glob("*.txt")} == {file.stem for file in FILES}
    assert len(FILES) >= 150


def write() -> None:
    """Write the golden file of each bad file, and say which are other than before."""
    for file in FILES:
        golden, text = file.with_suffix(".txt"), said(*read(file))
        if not golden.exists() or golden.read_text(encoding="utf-8") != text:
            golden.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{golden.name}\n")


if __name__ == "__main__" and "--write" in sys.argv:
    write()

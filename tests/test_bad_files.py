"""Files written to be wrong: each gets its code, its line and a way out, and nothing else."""

import re
from pathlib import Path

import pytest

from dslc import compiler
from dslc.source import Source

FILES = sorted((Path(__file__).parent / "bad").glob("*.net"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_bad_file_gets_its_code_its_line_and_a_way_out(file: Path):
    text = file.read_text(encoding="utf-8")
    expected = re.match(r"# (\w+) in line (\d+)", text)
    assert expected
    source = Source(file.name, text)
    problems = [problem for problem in compiler.check(source) if problem.severity == "error"]
    found = [(problem.code, source.position(problem.span.start)[0]) for problem in problems]
    assert found == [(expected[1], int(expected[2]))], [problem.headline() for problem in problems]
    assert all(problem.help() for problem in problems)

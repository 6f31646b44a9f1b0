"""Every class of problem: its code, its page, and that the files on the page are what it says."""

import pytest

from dslc import compiler, pages
from dslc.errors.base import Problem
from dslc.source import Source

PROBLEMS = pages.problems()
WITHOUT_FILE = (
    "bind",
    "data",
    "train",
    "internal",
    "plugins",
    "weights",
    "imports",
    "agreement",
    "emit",
    "tuning",
    "sampling",
)
"""Modules of problems that a command line, a data set or a run can have, and some of them no file by itself."""


def classes() -> list[type[Problem]]:
    found: list[type[Problem]] = []
    open_: list[type[Problem]] = [Problem]
    while open_:
        open_ += (subclasses := open_.pop().__subclasses__())
        found += [cls for cls in subclasses if cls.__module__.startswith("dslc.") and cls.code]
    return found


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=list(PROBLEMS))
def test_a_page_has_a_file_that_fails_and_one_that_is_mended(problem: type[Problem]):
    assert problem.example or problem.__module__.split(".")[-1] in WITHOUT_FILE
    if problem.example:
        assert pages.messages(problem), [one.headline() for one in compiler.check(Source("m.net", problem.example))]
        found = compiler.check(Source("m.net", problem.mended))
        # Notes speak of data that no test brings; a file that mends an error is too small to please every lint.
        hidden = ("note", "warning") if problem.code[0] == "E" else ("note",)
        left = [one.headline() for one in found if one.severity not in hidden]
        assert not left


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=list(PROBLEMS))
def test_the_docstring_says_why_it_is_a_problem(problem: type[Problem]):
    text = (problem.__doc__ or "").strip()
    assert text.endswith(".")
    assert text[0].isupper() or text[0] in "`0123456789"


def test_a_code_has_one_meaning():
    seen: dict[str, type[Problem]] = {}
    for cls in classes():
        first = seen.setdefault(cls.code, cls)
        assert issubclass(cls, first) or issubclass(first, cls), (cls.__name__, first.__name__, cls.code)


def test_headlines_are_plain():
    for cls in PROBLEMS.values():
        for said in pages.messages(cls) if cls.example else []:
            headline = said.splitlines()[0].partition("]: ")[2]
            assert not headline.endswith("."), headline
            assert headline[0].islower() or not headline[0].isalpha(), headline
            assert not {"illegal", "invalid"} & set(headline.lower().split()), headline
            assert "= help: " in said, said

"""What a problem is: facts in a frozen dataclass, prose in its methods.

Each file of this folder holds the problems of one stage. The class attributes `example` and `mended`
are complete files: the docs show them, and a test checks that the first gives this code and the second nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from dslc.source import Span


@dataclass(frozen=True)
class Note:
    """A second place in the source that explains the first."""

    span: Span
    text: str


@dataclass(frozen=True)
class Problem:
    """Something wrong (or doubtful) at a place of a file.

    Subclasses add their facts as fields and say them in `headline` (lower case, no full stop, code in backticks),
    `label` (what stands under the carets), `notes` (where the other half comes from) and `help` (the way out).
    The docstring of a subclass is its page: why this is a problem, in two or three sentences.
    """

    code: ClassVar[str] = ""
    severity: ClassVar[Literal["error", "warning", "note"]] = "error"
    example: ClassVar[str] = ""
    mended: ClassVar[str] = ""

    span: Span

    def headline(self) -> str:
        raise AssertionError(type(self).__name__)

    def label(self) -> str:
        return ""

    def notes(self) -> tuple[Note, ...]:
        return ()

    def help(self) -> str | None:
        return None


@dataclass
class Problems:
    """Collector of the problems of one run; the same code at the same place counts once."""

    found: list[Problem] = field(default_factory=list)
    _seen: set[tuple[str, Span]] = field(default_factory=set)

    def add(self, problem: Problem) -> None:
        key = (problem.code, problem.span)
        if key not in self._seen:
            self._seen.add(key)
            self.found.append(problem)

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.found if problem.severity == "error"]

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self.found, key=lambda problem: (problem.span.file, problem.span.start)))


class Failed(Exception):
    """Raised at the end of a stage that found errors: carries all of them."""

    def __init__(self, problems: Problems) -> None:
        super().__init__("; ".join(problem.headline() for problem in problems.errors))
        self.problems = problems

"""What a problem is: facts in a frozen dataclass, prose in its methods.

Each file of this folder holds the problems of one stage. The class attributes `example` and `mended`
are complete files: the docs show them, and a test checks that the first gives this code and the second nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, TypeVar, dataclass_transform

from dslc.source import Span


@dataclass(frozen=True)
class Note:
    """A second place in the source that explains the first."""

    span: Span
    text: str


@dataclass(frozen=True)
class Edit:
    """A stretch of the source, and what to write in its place."""

    span: Span
    replacement: str


@dataclass(frozen=True)
class Fix:
    """Edits that mend a problem together; a safe one keeps the author's plain meaning, and needs nobody to look at it."""

    edits: tuple[Edit, ...]
    safe: bool
    message: str = ""
    """What it does, where the help of the problem says it in other words."""


@dataclass(frozen=True)
class Problem:
    """Something wrong (or doubtful) at a place of a file.

    Subclasses add their facts as fields and say them in `headline` (lower case, no full stop, code in backticks),
    `label` (what stands under the carets), `notes` (where the other half comes from) and `help` (the way out), which
    `fix` gives as edits where it is one.
    The docstring of a subclass is its page: why this is a problem, in two or three sentences.
    """

    code: ClassVar[str] = ""
    severity: ClassVar[Literal["error", "warning", "note"]] = "error"
    example: ClassVar[str] = ""
    mended: ClassVar[str] = ""
    of_a_name: ClassVar[bool] = False
    """It says that nothing has the name in its field `name`."""

    span: Span
    via: tuple[Note, ...] = field(default=(), kw_only=True)
    """How the reader's own file comes to a place in a file that it imports."""

    def __new__(cls, *facts: Any, **named: Any) -> Self:  # noqa: ARG004  # they are for the `__init__` that is made here
        for kind in reversed(cls.__mro__):
            if issubclass(kind, Problem) and "__dataclass_fields__" not in vars(kind):
                dataclass(frozen=True)(kind)
        return super().__new__(cls)

    def headline(self) -> str:
        raise AssertionError(type(self).__name__)

    def label(self) -> str:
        return ""

    def notes(self) -> tuple[Note, ...]:
        return ()

    def help(self) -> str | None:
        return None

    def fix(self) -> Fix | None:
        return None

    def rewritten(self, text: str | None, safe: bool = True) -> Fix | None:
        """The fix that writes `text` in place of what the problem is about; none where there is no text."""
        return None if text is None else Fix((Edit(self.span, text),), safe)

    def renamed(self, old: str, new: str | None, safe: bool = True) -> Fix | None:
        """The fix that writes another name for the one that the problem's place begins with."""
        place = Span(self.span.file, self.span.start, self.span.start + len(old))
        return None if new is None else Fix((Edit(place, new),), safe)


_Kind = TypeVar("_Kind", bound=type[Problem])


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def problem(cls: _Kind) -> _Kind:
    """Makes a frozen dataclass of a class of problems when the first one is found.

    To make one takes half a millisecond, and a file has few of the hundred and fifty.
    """
    return cls


@dataclass
class Problems:
    """Collector of the problems of one run; the same code at the same place counts once."""

    found: list[Problem] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    """Names that what could not be read may give: that they are not there is no problem of its own."""
    _seen: set[tuple[str, Span]] = field(default_factory=set)

    def add(self, problem: Problem) -> None:
        key = (problem.code, problem.span)
        if problem.of_a_name and getattr(problem, "name", None) in self.lost:
            return
        if key not in self._seen:
            self._seen.add(key)
            self.found.append(problem)

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.found if problem.severity == "error"]

    def __iter__(self) -> Iterator[Problem]:
        return iter(sorted(self.found, key=lambda problem: (problem.span.file, problem.span.start)))


class Relayed(Problems):
    """Hands problems on to another collector; those in another file than `note` say how one comes there."""

    def __init__(self, to: Problems, note: Note) -> None:
        super().__init__(to.found)
        self.to, self.note = to, note

    def add(self, problem: Problem) -> None:
        if problem.span.file != self.note.span.file:
            problem = replace(problem, via=(*problem.via, self.note))
        self.to.add(problem)


class Failed(Exception):
    """Raised at the end of a stage that found errors: carries all of them."""

    def __init__(self, problems: Problems) -> None:
        super().__init__("; ".join(problem.headline() for problem in problems.errors))
        self.problems = problems

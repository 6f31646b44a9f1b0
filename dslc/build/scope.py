"""Names and what they mean: tensors, dimensions and settings of a block share one name space."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dslc.build.frame import Frame, Place
from dslc.build.values import BROKEN, Elsewhere, Skip
from dslc.errors.base import Note, Problem, Problems
from dslc.errors.bounds import TooManyStages
from dslc.errors.names import GivenTwice
from dslc.errors.steps import LayerNeedsTensor
from dslc.graph import Budget, Remark
from dslc.source import Span

if TYPE_CHECKING:
    from dslc.build.applied import Applied
    from dslc.build.loops import Loop
    from dslc.build.values import Layer
    from dslc.resolve import Program
    from dslc.resolve.effort import Effort


@dataclass
class Binding:
    value: Any
    span: Span
    what: str
    """`tensor`, `setting`, `dimension`, `layer`, `param`, `state` or `carry`."""
    made: Span | None = None
    """Of a dimension: where the tensor was made whose size it is."""


@dataclass
class Scope:
    """The names of a block, and behind them those of the body around it."""

    outer: "Scope | None" = None
    names: dict[str, Binding] = field(default_factory=dict[str, Binding])

    def find(self, name: str) -> Binding | None:
        if name in self.names:
            return self.names[name]
        return self.outer.find(name) if self.outer is not None else None

    def known(self) -> Iterator[str]:
        yield from self.names
        if self.outer is not None:
            yield from self.outer.known()


@dataclass
class Build:
    """What is the same for a whole build."""

    program: "Program"
    problems: Problems
    dims: dict[str, int] = field(default_factory=dict[str, int])
    applied: "Applied | None" = None
    """Set for a train or sample block, where the name of a model means that one model, not a new use of its block."""
    keeps: bool = True
    """The next values of states are worked out; not so in a sample block, which changes nothing."""
    active: list[str] = field(default_factory=list[str])
    """Blocks being applied, outermost first: recursion is refused."""
    using: list["Layer"] = field(default_factory=list["Layer"])
    """Named layers being applied, outermost first: recursion is refused."""
    remarks: dict[Remark, None] = field(default_factory=dict[Remark, None])
    """Why repeats are no single loop, in order and each once."""

    budgets: dict[Budget, None] = field(default_factory=dict[Budget, None])
    """What the author wants the whole to cost at most."""

    effort: "Effort | None" = None
    """That of the program which the build began with; a block of an import counts there too."""

    varying: dict[int, tuple[Any, dict[str, tuple[Any, ...]]]] = field(default_factory=dict[int, Any])
    """Ops with settings that are another number in each iteration, by identity, until they are put into the graph."""

    remade: dict[str, int] = field(default_factory=dict[str, int])
    """How many kernels have gone through each of the ops that make them anew."""

    def __post_init__(self) -> None:
        self.effort = self.effort or self.program.effort

    def remark(self, span: Span, iteration: int, reason: str) -> None:
        """Note why the iteration of a repeat does not join those before it."""
        self.remarks[Remark(span, iteration, reason)] = None


@dataclass(frozen=True)
class Env:
    """Where an expression stands: its names, the graph it adds to, the place of its weights, the value in the pipe."""

    build: Build
    scope: Scope
    frame: Frame
    place: Place
    it: Any = None
    blocks: tuple[str, ...] = ()
    use: Span | None = None
    """Where the named layer that is being applied is used."""
    loop: "Loop | None" = None
    """The scan around, whose steps a cell describes."""
    frozen: bool = False
    """Weights that are made here are not trained."""
    remade: str = ""
    """The op that each kernel goes through before it is used."""
    sole: bool = False
    """The stage is the whole body of a repeat: a block there adds nothing to the path."""

    def fail(self, problem: Problem) -> Skip:
        """Report a problem: `raise env.fail(...)`."""
        self.build.problems.add(problem)
        return Skip()

    def spend(self, span: Span, count: int = 1) -> None:
        """Count stages that are applied.

        Raises:
            Skip: when there were too many.
        """
        effort = self.build.effort
        if effort is not None and not effort.spend(count):
            if not effort.told:
                effort.told = True
                self.build.problems.add(TooManyStages(span, effort.limit))
            raise Skip

    def bind(self, name: str, value: Any, span: Span, what: str) -> None:
        """Give a name its meaning; a second meaning is a problem."""
        old = self.scope.find(name)
        if old is not None and name != "_":
            self.build.problems.add(GivenTwice(span, name, old.what, old.span))
            return
        self.scope.names[name] = Binding(value, span, what)

    def read(self, name: str, span: Span) -> Any:
        """The value of a name, or None when nobody gave it.

        Raises:
            Skip: when its statement failed.
        """
        found = self.scope.find(name)
        if found is None:
            return None
        if found.value is BROKEN:
            raise Skip
        if isinstance(found.value, Elsewhere):
            where = Note(span, "it is read here")
            raise self.fail(LayerNeedsTensor(found.value.use, found.value.layer, found.value.name, (where,)))
        return found

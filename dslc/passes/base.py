"""What a pass is: a rewrite with its algebra, its legality and its proof.

A new pass is one new file: a class with `@optimization`, a docstring (one sentence; `Before:` and `After:` as algebra;
`Saves:`; `Refuses:`), the class facts below, `samples`, a `case` and `run`. Its reasons are small frozen dataclasses: the
numbers are their fields, the prose is their `__str__`. Inputs, parameters and states keep their names, so that a
checkpoint loads at any level.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from dslc.catalogue import Catalogue, Entry, entry
from dslc.graph import Graph, Node
from dslc.source import Span

Phase = Literal["always", "training", "inference", "export"]
Claim = Literal["time", "memory", "compile", "readability"]

PHASES: Mapping[str, tuple[Phase, ...]] = {
    "always": ("always",),
    "training": ("always", "training"),
    "inference": ("always", "inference"),
    "export": ("always", "inference", "export"),
}
"""The phases of the passes that run on a graph for each of its uses."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node that a match speaks of: its name, and where it is in the model and in the source."""

    name: str
    path: str
    span: Span

    @classmethod
    def of(cls, node: Node) -> "Place":
        return cls(node.name, node.path, node.span)

    def __str__(self) -> str:
        return f"`{self.name}`"


class Fact:
    """What a pass found: a frozen dataclass of numbers, said in words by `__str__`, lower case, no full stop."""

    def __str__(self) -> str:
        raise AssertionError(type(self).__name__)


@dataclass(frozen=True)
class ReadElsewhere(Fact):
    """A tensor in the middle of a match that something else needs as well."""

    name: str
    readers: tuple[str, ...]

    def __str__(self) -> str:
        return f"`{self.name}` is read by {', '.join(f'`{name}`' for name in self.readers)} as well"


@dataclass(frozen=True, slots=True)
class Match:
    """A place that a pass rewrote, and what that gives."""

    places: tuple[Place, ...]
    gain: Fact


@dataclass(frozen=True, slots=True)
class Refusal:
    """A place that looks like one to rewrite, and the reason why it stays as it is."""

    places: tuple[Place, ...]
    reason: Fact


@dataclass(frozen=True)
class Rewritten:
    """What a pass made of a graph: the same graph when it took nothing."""

    graph: Graph
    taken: tuple[Match, ...] = ()
    refused: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Sample:
    """A graph in its text form, and what the pass makes of it; types that are left out are inferred."""

    before: str
    after: str


@dataclass(frozen=True)
class Refused:
    """A graph that the pass must leave as it is, and a part of the reason that it gives."""

    before: str
    reason: str


class Optimization(Entry):
    """A rewrite of a graph; its settings are its fields, and every one has a default."""

    phase: ClassVar[Phase] = "always"
    """The use of the graph in which the rewrite is right."""
    exact: ClassVar[bool] = True
    """Equal in the algebra of real numbers: in floats the results differ by rounding alone."""
    bound: ClassVar[float] = 1e-12
    """Largest relative difference in float64: for an exact pass, the rounding of a sum of thousands of terms."""
    claim: ClassVar[Claim] = "readability"
    """What it saves, as `benchmarks/passes.py` measures it. Readability is no saving in the compiled program."""
    after: ClassVar[tuple[str, ...]] = ()
    """Passes that come before this one when they run at all."""
    repeats: ClassVar[bool] = False
    """One rewrite can make room for the next: run again until nothing is taken."""
    samples: ClassVar[tuple[Sample | Refused, ...]] = ()
    case: ClassVar[str] = ""
    """A graph of a realistic size that the pass takes: `benchmarks/passes.py` measures it before and after."""

    def run(self, graph: Graph) -> Rewritten:
        """Rewrite a graph; the bodies of its regions are given by themselves."""
        raise AssertionError(type(self).__name__)


optimization = entry

PASSES: Catalogue[Optimization] = Catalogue("dslc.passes", Optimization, "pass")

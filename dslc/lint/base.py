"""What a lint is: a warning about a graph or about a file, with the reason for it and the source that teaches it.

A new lint is one new file: a class with `@lint`, a docstring (the reason in one or two sentences; `Reference:`), a code of
its own, `example` and `mended` as every problem has, and `of_graph` or `of_file`, which find the places.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dslc.catalogue import Catalogue, Entry, entry
from dslc.errors.base import Edit, Fix, Note, Problem
from dslc.graph import Graph, Node, Ref
from dslc.source import Span

if TYPE_CHECKING:
    from dslc.data.schema import Schema
    from dslc.plan import Plan
    from dslc.resolve import Program


@dataclass(frozen=True)
class Place:
    """A node in its graph, which may be the body of a region of another graph."""

    view: "View"
    node: Node

    @property
    def op(self) -> Any:
        return self.node.op

    @property
    def span(self) -> Span:
        return self.node.span

    def before(self, position: int = 0, seen: frozenset[tuple[int, Ref]] = frozenset()) -> list["Place"]:
        """Where an input comes from: in a loop that is the last iteration too."""
        ref = self.node.inputs[position] if position < len(self.node.inputs) else None
        return [] if ref is None else self.view.producers(ref, seen)

    def after(self) -> list["Place"]:
        """Who reads the first output; outputs of the whole are no reader."""
        return self.view.readers(Ref(self.node.name))

    def is_read_once(self) -> bool:
        """Whether one node reads it, and nothing outside of the graph; in a loop that may be the next iteration."""
        ref = Ref(self.node.name)
        if self.view.region is not None:
            return len(self.view.graph.uses.get(ref, ())) + self.view.results.count(ref) == 1
        return len(self.after()) == 1 and ref not in self.view.leaving


@dataclass(frozen=True, eq=False)
class View:
    """A graph, and where it stands when it is the body of a region."""

    graph: Graph
    region: Place | None = None
    times: Any = 1
    """How often it runs for each run of the whole."""

    @cached_property
    def inputs(self) -> list[str]:
        return [node.name for node in self.graph.sources("input")]

    @cached_property
    def results(self) -> list[Ref]:
        return list(self.graph.outputs.values())

    @cached_property
    def leaving(self) -> frozenset[Ref]:
        """What is put out; of a region only the whole knows who reads it."""
        return frozenset(self.results) if self.region is None else frozenset()

    @cached_property
    def inner(self) -> dict[str, "View"]:
        """The bodies of the regions in this graph."""
        return {
            node.name: View(node.op.body, Place(self, node), getattr(node.op, "count", 1))  # pyright: ignore[reportAttributeAccessIssue]
            for node in self.graph
            if isinstance(getattr(node.op, "body", None), Graph)
        }

    def places(self) -> Iterator[Place]:
        """Every node, those of regions included."""
        for node in self.graph:
            if node.name in self.inner:
                yield from self.inner[node.name].places()
            else:
                yield Place(self, node)

    @cached_property
    def order(self) -> dict[str, int]:
        """Nodes by name with their places in the graph."""
        return {name: place for place, name in enumerate(self.graph.nodes)}

    def producers(self, ref: Ref, seen: frozenset[tuple[int, Ref]] = frozenset()) -> list[Place]:
        """Where a tensor is made; `seen` is what is being asked already: a body may give what it takes."""
        if (id(self), ref) in seen:
            return []
        seen |= {(id(self), ref)}
        if ref.node in self.inner:
            body = self.inner[ref.node]
            return body.producers(body.results[ref.output], seen) if ref.output < len(body.results) else []
        node = self.graph.nodes[ref.node]
        if self.region is None or node.op.name != "input":
            return [Place(self, node)]
        position = self.inputs.index(node.name)
        found = self.region.before(position, seen)
        if position < self._carried and self.results[position] != ref:
            found = [*found, *self.producers(self.results[position], seen)]
        return found

    def readers(self, ref: Ref, seen: frozenset[tuple[int, Ref]] = frozenset()) -> list[Place]:
        """Who reads a tensor, in the next iteration of a loop too; `seen` as above."""
        if (id(self), ref) in seen:
            return []
        seen |= {(id(self), ref)}
        found: list[Place] = []
        for name in dict.fromkeys(self.graph.uses.get(ref, ())):
            node = self.graph.nodes[name]
            if name in self.inner:
                body = self.inner[name]
                for position, given in enumerate(node.inputs):
                    if given == ref:
                        found += body.readers(Ref(body.inputs[position]), seen)
            else:
                found.append(Place(self, node))
        if self.region is not None and ref in self.results:
            position = self.results.index(ref)
            found += self.region.view.readers(Ref(self.region.node.name, position), seen)
            if position < self._carried and Ref(self.inputs[position]) != ref:
                found += self.readers(Ref(self.inputs[position]), seen)
        return found

    @property
    def _carried(self) -> int:
        """So many of the inputs come from the iteration before."""
        return getattr(self.region.op, "carried", 0) if self.region is not None else 0


@dataclass(frozen=True)
class Scene:
    """What a lint of graphs looks at: one model by itself, or one train block."""

    program: "Program"
    view: View
    plan: "Plan | None" = None
    schema: "Schema | None" = None
    """What is known of the data of the plan."""
    model: Graph | None = None
    """The model that the plan names, with all its outputs."""

    def places(self, *names: str) -> Iterator[Place]:
        """The nodes of these ops, in regions too; all where none is named."""
        return (place for place in self.view.places() if not names or place.op.name in names)

    def without(self, span: Span) -> Fix | None:
        """The fix that takes out a stage with the arrow before it, where it stands in this file as a stage."""
        source = self.program.source
        arrow = re.search(r"\s*->\s*$", source.text[: span.start]) if span.file == source.name else None
        if arrow is None:
            return None
        return Fix((Edit(Span(span.file, arrow.start(), span.end), ""),), safe=False, message="take the stage out")

    def with_setting(self, span: Span, setting: str) -> Fix | None:
        """The fix that gives a call one more setting, where that is written as a call in this file."""
        source = self.program.source
        text = source.snippet(span) if span.file == source.name else ""
        if not text.endswith(")") or setting.split(maxsplit=1)[0] in text:
            return None
        comma = "" if text.endswith("()") else ", "
        end = span.end - 1
        return Fix((Edit(Span(span.file, end, end), f"{comma}{setting}"),), safe=False, message=f"give it `{setting}`")


class Lint(Problem, Entry):
    """A warning; `# allow: CODE` behind a line or above it silences it there."""

    severity: ClassVar[Literal["error", "warning", "note"]] = "warning"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterable[Problem]:  # noqa: ARG003  # what an overriding one is given
        """What this lint has to say of a model or of a train block."""
        return ()

    @classmethod
    def of_file(cls, program: "Program") -> Iterable[Problem]:  # noqa: ARG003  # as above
        """What this lint has to say of what is written."""
        return ()


lint = entry

LINTS: Catalogue[Lint] = Catalogue("dslc.lint", Lint, "lint")

LINEAR = ("dense", "conv", "conv_transpose", "depthwise_conv")
"""Layers that are linear in what is piped in."""
SATURATING = ("sigmoid", "tanh", "hard_sigmoid", "hard_tanh", "softsign")
THROUGH = ("identity", "flatten", "reshape", "squeeze", "dropout", "drop_path", "gaussian_noise", "cast", "rearrange")
"""What changes neither the kind of function nor what a reader has to expect."""


def sources(place: Place, through: tuple[str, ...] = THROUGH) -> list[Place]:
    """The producers of what is piped in, some layers looked through: several where a loop begins."""
    seen: set[int] = set()
    found: list[Place] = []
    open_ = place.before()
    while open_:
        here = open_.pop()
        if here.op.name not in through:
            found.append(here)
        elif id(here.node) not in seen:
            seen.add(id(here.node))
            open_ += here.before()
    return found


def behind(place: Place, through: tuple[str, ...] = THROUGH) -> Place | None:
    """The only one of the sources; none where there are several or none."""
    found = sources(place, through)
    return found[0] if len(found) == 1 else None


def noted(span: Span, text: str, problem: Span) -> tuple[Note, ...]:
    """A second place, unless it is the first again."""
    return () if span == problem or not span.file else (Note(span, text),)

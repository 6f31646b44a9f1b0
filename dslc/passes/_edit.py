"""A graph while a pass rewrites it.

The last node of a match becomes the new node, under its own name and at its own place: whoever reads it is untouched.
What nothing reads any more is left out at the end.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from dslc.graph import Graph, Node, Ref
from dslc.ops.base import Op
from dslc.passes.base import Fact, Match, Place, Refusal, Rewritten
from dslc.types import Type
from dslc.verify import bodies, result_types

SOURCES = ("input", "parameter", "state")
"""The signature of a program and the names in a checkpoint: never left out."""


class Edit:
    """Collects the rewrites of one run of a pass; iterates over the nodes as they are by then."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.outputs, self.updates = dict(graph.outputs), dict(graph.updates)
        self._now = dict(graph.nodes)
        self._before: dict[str, list[Node]] = {}
        self._taken: list[Match] = []
        self._refused: list[Refusal] = []

    def __iter__(self) -> Iterator[Node]:
        return (self._now[name] for name in self.graph.nodes)

    def __getitem__(self, name: str) -> Node:
        """A node as it is by now."""
        return self._now[name]

    def producer(self, ref: Ref | None) -> Node | None:
        """The node of a reference to a first output."""
        return None if ref is None or ref.output else self._now[ref.node]

    def type(self, ref: Ref) -> Type:
        return self._now[ref.node].types[ref.output]

    def readers(self, node: Node) -> list[str]:
        """The nodes that read any output of a node, in the graph before the pass."""
        return [name for ref, names in self.graph.uses.items() if ref.node == node.name for name in names]

    def others(self, node: Node, reader: Node) -> tuple[str, ...]:
        """Who reads a node besides one reader: nodes, and what leaves the graph."""
        leaving = [f"output {name}" for name, ref in self.graph.outputs.items() if ref.node == node.name]
        leaving += [f"update {name}" for name, ref in self.graph.updates.items() if ref.node == node.name]
        return (*(name for name in self.readers(node) if name != reader.name), *leaving)

    def put(
        self, before: Node, name: str, op: Op, *inputs: Ref | None, weights: Mapping[str, Ref] | None = None
    ) -> Ref:
        """Make a node that stands right before another, and is of its path and span."""
        number, free = 1, name
        while free in self._now:
            number += 1
            free = f"{name}@{number}"
        node = Node(free, op, inputs, weights or {}, (), before.path, before.span, (), before.blocks)
        node = replace(node, types=result_types(self._graph(), node))
        self._before.setdefault(before.name, []).append(node)
        self._now[free] = node
        return Ref(free)

    def become(
        self,
        node: Node,
        op: Op,
        *inputs: Ref | None,
        weights: Mapping[str, Ref] | None = None,
        covers: Iterable[Node] = (),
    ) -> None:
        """Give a node another op, and the span of all that it stands for."""
        span = node.span
        for other in covers:
            span = other.span.to(span) if other.span.file == span.file else span
        made = replace(node, op=op, inputs=inputs, weights=weights or {}, span=span)
        self._now[node.name] = replace(made, types=result_types(self._graph(), made))

    def read_instead(self, node: Node, other: Node) -> None:
        """Let whoever reads a node read another one of the same types, which also gets its labels."""

        def moved(ref: Ref) -> Ref:
            return Ref(other.name, ref.output) if ref.node == node.name else ref

        for name in set(self.readers(node)):
            reader = self._now[name]
            inputs = tuple(None if ref is None else moved(ref) for ref in reader.inputs)
            self._now[name] = replace(
                reader, inputs=inputs, weights={role: moved(ref) for role, ref in reader.weights.items()}
            )
        self.outputs = {name: moved(ref) for name, ref in self.outputs.items()}
        self.updates = {name: moved(ref) for name, ref in self.updates.items()}
        self._now[other.name] = replace(self._now[other.name], labels=(*self._now[other.name].labels, *node.labels))

    def take(self, gain: Fact, *nodes: Node) -> None:
        self._taken.append(Match(tuple(map(Place.of, nodes)), gain))

    def refuse(self, reason: Fact, *nodes: Node) -> None:
        self._refused.append(Refusal(tuple(map(Place.of, nodes)), reason))

    def done(self) -> Rewritten:
        """The graph with all rewrites, and the record of them."""
        if not self._taken:
            return Rewritten(self.graph, refused=tuple(self._refused))
        ordered = [node for name in self.graph.nodes for node in (*self._before.get(name, ()), self._now[name])]
        graph = replace(self._graph(), nodes={node.name: node for node in ordered})
        return Rewritten(graph.only(alive(graph)), tuple(self._taken), tuple(self._refused))

    def _graph(self) -> Graph:
        return Graph(self.graph.name, self._now, self.outputs, self.updates)


def changed(op: Op, **settings: Any) -> Op:
    """An op with other settings."""
    made: Op = replace(op, **settings)  # pyright: ignore[reportArgumentType]  # every op is a dataclass
    return made


def alive(graph: Graph, always: tuple[str, ...] = SOURCES) -> set[str]:
    """The nodes that outputs and updates depend on, and the sources of some kinds."""
    found = {node.name for node in graph if node.op.name in always}
    ahead = [ref.node for ref in graph.read()]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(ref.node for ref in graph.nodes[name].references())
    return found


def draws(op: Op) -> bool:
    """Whether the op or one that it holds draws random numbers."""
    held = (getattr(op, field.name) for field in op.settings())
    inner = (node.op for body in bodies(op).values() for node in body)
    return op.random or any(draws(other) for other in (*inner, *held) if isinstance(other, Op))

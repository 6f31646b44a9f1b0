"""The graph: immutable nodes in topological order, with a NetworkX DAG over them.

Everything is a node. Sources (`input`, `parameter`, `state`, `constant`) take nothing; a layer is a node whose
`weights` refer to parameter nodes, so that sharing and tying are two references to one node, and a pass may feed
a layer a computed weight. A region (`repeat`) is a node whose op holds a graph of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from dslc.ops.base import Op
from dslc.source import NOWHERE, Span
from dslc.types import Type

if TYPE_CHECKING:
    import networkx as nx


class Ref(NamedTuple):
    """One output of a node."""

    node: str
    output: int = 0


@dataclass(frozen=True)
class Node:
    """One use of an op.

    `name` is unique in the graph and is the place that random draws are keyed by. `path` is where the source puts it;
    two uses of one shared layer have one path and two names (`encoder`, `encoder@2`). In a region both start with
    the region's path and a `*` for the index (`blocks.*.attn`).
    """

    name: str
    op: Op
    inputs: tuple[Ref | None, ...] = ()
    weights: Mapping[str, Ref] = field(default_factory=dict[str, Ref])
    types: tuple[Type, ...] = ()
    path: str = ""
    span: Span = NOWHERE
    labels: tuple[str, ...] = ()
    """Names that the author gave to the output: `body = ...`, `as attn`."""
    blocks: tuple[str, ...] = ()
    """The blocks it stands in, outermost first, as paths: what the viewer draws as boxes."""

    @property
    def type(self) -> Type:
        """Type of the first output."""
        return self.types[0]

    def references(self) -> Iterator[Ref]:
        """All that the node reads: inputs, then weights."""
        yield from (ref for ref in self.inputs if ref is not None)
        yield from self.weights.values()


class Remark(NamedTuple):
    """Why the iterations of a repeat stand side by side instead of in one loop."""

    span: Span
    iteration: int
    """The one that does not join those before it."""
    reason: str


BUDGETS = {"parameters": "", "flops": "flop", "peak_memory": "b"}
"""What a budget may be of, and the unit in which it is written."""


class Budget(NamedTuple):
    """What the author lets a model, or the training of a block, cost at most: `require parameters < 50_000_000`."""

    span: Span
    of: str
    """`model` or `train`: the statement stands in the one or in the other."""
    name: str
    """A key of `BUDGETS`."""
    most: float
    below: bool
    """The limit itself is too much already."""
    message: str | None


@dataclass(frozen=True)
class Graph:
    """Nodes by name in topological order, the outputs by name, and the next value of each state by its node's name."""

    name: str
    nodes: Mapping[str, Node]
    outputs: Mapping[str, Ref]
    updates: Mapping[str, Ref] = field(default_factory=dict[str, Ref])
    remarks: tuple[Remark, ...] = field(default=(), compare=False)
    budgets: tuple[Budget, ...] = field(default=(), compare=False)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def type(self, ref: Ref) -> Type:
        return self.nodes[ref.node].types[ref.output]

    def sources(self, kind: str) -> list[Node]:
        """The nodes of a source op, by its name: `input`, `parameter`, `state`."""
        return [node for node in self if node.op.name == kind]

    def read(self) -> Iterator[Ref]:
        """What leaves the graph: outputs and state updates."""
        yield from self.outputs.values()
        yield from self.updates.values()

    @cached_property
    def dag(self) -> "nx.MultiDiGraph[str]":
        """The graph as NetworkX sees it: one vertex a node (attribute `node`), one edge a reference."""
        import networkx as nx  # noqa: PLC0415  # a sixth of a second that `dslc check` does without

        dag: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in self:
            dag.add_node(node.name, node=node)
            for ref in node.references():
                dag.add_edge(ref.node, node.name, output=ref.output)
        return dag

    @cached_property
    def uses(self) -> Mapping[Ref, tuple[str, ...]]:
        """Names of the nodes that read each reference."""
        found: dict[Ref, list[str]] = {}
        for node in self:
            for ref in node.references():
                found.setdefault(ref, []).append(node.name)
        return MappingProxyType({ref: tuple(names) for ref, names in found.items()})

    def live(self) -> "Graph":
        """The graph without the nodes that no output and no next value of a state that stays depends on.

        What a state that stays follows, stays as well.
        """
        kept: set[str] = set()
        open_ = [ref.node for ref in self.outputs.values()]
        while open_:
            name = open_.pop()
            if name not in kept:
                kept.add(name)
                open_.extend(ref.node for ref in self.nodes[name].references())
                behind = (
                    self.updates[name].node if name in self.updates else "",
                    getattr(self.nodes[name].op, "follows", ""),
                )
                open_.extend(other for other in behind if other in self.nodes)
        return replace(self.only(kept), updates={name: ref for name, ref in self.updates.items() if name in kept})

    def only(self, nodes: Iterable[str]) -> "Graph":
        """The graph with just these nodes, order kept."""
        kept = set(nodes)
        return replace(self, nodes={name: node for name, node in self.nodes.items() if name in kept})


class Builder:
    """Collects the nodes of a graph that is being made."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: dict[str, Node] = {}
        self.outputs: dict[str, Ref] = {}
        self.updates: dict[str, Ref] = {}
        self._next: dict[str, int] = {}
        """Numbers from which on a name may be free."""

    def fresh(self, name: str) -> str:
        """The name itself, or the first of `name@2`, `name@3`, ... that is free."""
        if name not in self.nodes:
            return name
        number = self._next.get(name, 2)
        while f"{name}@{number}" in self.nodes:
            number += 1
        self._next[name] = number
        return f"{name}@{number}"

    def add(self, node: Node) -> Ref:
        """Put a node at the end, under a free name; gives its first output."""
        name = self.fresh(node.name)
        self.nodes[name] = node if name == node.name else replace(node, name=name)
        return Ref(name)

    def type(self, ref: Ref) -> Type:
        return self.nodes[ref.node].types[ref.output]

    def graph(self) -> Graph:
        return Graph(self.name, self.nodes, self.outputs, self.updates)

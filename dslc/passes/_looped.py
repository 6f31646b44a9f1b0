"""Copies that stand one after the other as one region, with their weights stacked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dslc.graph import Graph, Node, Ref
from dslc.ops.base import Op, Places
from dslc.ops.core.input import Input
from dslc.ops.core.repeat import Repeat
from dslc.ops.core.unstack import Unstack
from dslc.ops.shape.stack import Stack
from dslc.passes._copies import Copies, Inner, references, roles
from dslc.verify import bodies, result_types


@dataclass
class _Nodes:
    """The nodes that take the place of the copies, in order."""

    graph: Graph
    first: Node
    last: Node
    made: dict[str, Node] = field(default_factory=dict[str, Node])

    def add(self, name: str, op: Op, inputs: Sequence[Ref], weights: Mapping[str, Ref] | None = None) -> Ref:
        free, number = name, 1
        while free in self.graph.nodes or free in self.made:
            number += 1
            free = f"{name}@{number}"
        span = self.first.span.to(self.last.span) if self.first.span.file == self.last.span.file else self.last.span
        blocks = tuple(a for a, b in zip(self.first.blocks, self.last.blocks, strict=False) if a == b)
        node = Node(free, op, tuple(inputs), weights or {}, (), name, span, (), blocks)
        around = Graph("", {**self.graph.nodes, **self.made}, {})
        self.made[free] = replace(node, types=result_types(around, node))
        return Ref(free)


def looped(graph: Graph, copies: Copies, batched: bool = False) -> tuple[Graph, Node]:
    """The graph with one region in place of the copies, and the region.

    Parameters and states stay nodes of their own, under their names; the region reads them stacked.
    """
    nodes = _Nodes(graph, copies.nodes[0][0], copies.nodes[-1][-1])
    name = _name(nodes.first.name, nodes.last.name)
    body, weights = _body(graph, copies, name), dict[str, Ref]()
    for names in copies.own:
        weights[names[0]] = nodes.add(f"{names[0]}.stacked", Stack(0), [Ref(other) for other in names])
    op = Repeat(body, len(copies), len(copies.carried), len(copies.captured), places=_places(copies), batched=batched)
    region = nodes.add(name, op, (*copies.carried.values(), *copies.captured), weights)
    moved, updates = dict[Ref, Ref](), dict(graph.updates)
    for place, inner in enumerate(copies.results, len(copies.carried)):
        for number, ref in enumerate(_rows(nodes, region, place)):
            moved[_at(copies, number, inner)] = ref
    for place, inner in enumerate(copies.carried):
        moved[_at(copies, -1, inner)] = Ref(region.node, place)
    for place, number in enumerate(copies.updates, len(body.outputs)):
        rows = _rows(nodes, region, place)
        updates |= dict(zip(copies.own[number], rows, strict=True))
    return _replaced(replace(graph, updates=updates), copies, nodes.made, moved), nodes.made[region.node]


def _rows(nodes: _Nodes, region: Ref, place: int) -> list[Ref]:
    """The rows of a stacked output of the region."""
    stacked = Ref(region.node, place)
    rows = nodes.add(f"{region.node}.{place}", Unstack(), [stacked])
    return [Ref(rows.node, number) for number in range(len(nodes.made[rows.node].types))]


def _name(first: str, last: str) -> str:
    """`layer:layer_12` for nodes from `layer.dense` to `layer_12.relu`."""
    one, other = first.split("."), last.split(".")
    same = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    return ".".join((*one[:same], f"{one[same]}:{other[same]}"))


def _at(copies: Copies, number: int, inner: Inner) -> Ref:
    return Ref(copies.nodes[number][inner[0]].name, inner[1])


def _body(graph: Graph, copies: Copies, name: str) -> Graph:
    """One copy as a graph of its own, under the names of the first one.

    It is read off the second one: what the first one takes as its start may be what all of them read.
    """
    first, second = copies.nodes[:2]
    sources: dict[str, Node] = {}
    now = {Ref(names[1]): Ref(names[0]) for names in copies.own}
    for place, (inner, ref) in enumerate(copies.carried.items()):
        sources |= _input(f"{name}.carry.{place}", graph, ref)
        now[_at(copies, 0, inner)] = Ref(f"{name}.carry.{place}")
    for ref in copies.captured:
        now[ref] = Ref(f"{ref.node}.{ref.output}" if ref.output else ref.node)
        sources |= _input(now[ref].node, graph, ref)
    sources |= {names[0]: graph.nodes[names[0]] for names in copies.own}
    for one, other in zip(first, second, strict=True):
        for place in range(len(one.types)):
            now[Ref(other.name, place)] = Ref(one.name, place)
    read = (ref for node in second for ref in node.references() if ref not in now)
    sources |= {ref.node: graph.nodes[ref.node] for ref in read}
    nodes = [_under(one, other, now) for one, other in zip(first, second, strict=True)]
    results = (*copies.carried, *copies.results)
    outputs = {str(place): _at(copies, 0, inner) for place, inner in enumerate(results)}
    updates = {copies.own[place][0]: _at(copies, 0, inner) for place, inner in copies.updates.items()}
    return Graph(name, sources | {node.name: node for node in nodes}, outputs, updates)


def _under(node: Node, other: Node, now: Mapping[Ref, Ref]) -> Node:
    """The node, reading what another one reads."""
    refs = [ref and now.get(ref, ref) for ref in references(other)]
    count = len(node.inputs)
    return replace(node, inputs=tuple(refs[:count]), weights=dict(zip(roles(node), refs[count:], strict=True)))


def _input(name: str, graph: Graph, ref: Ref) -> dict[str, Node]:
    type = graph.type(ref)
    return {name: Node(name, Input(type.dtype, type.shape), types=(type,), path=name)}


def _places(copies: Copies) -> Places:
    """The name of every node in each copy, those in bodies of regions included."""
    names = [[name for node in copy for name in _named(node)] for copy in copies.nodes]
    return tuple((row[0], tuple(row)) for row in zip(*names, strict=True))


def _named(node: Node) -> list[str]:
    inner = (name for body in bodies(node.op).values() for other in body for name in _named(other))
    return [node.name, *inner]


def reading(node: Node, moved: Mapping[Ref, Ref]) -> Node:
    """The node with other references in the place of some that it reads."""
    inputs = tuple(None if ref is None else moved.get(ref, ref) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: moved.get(ref, ref) for role, ref in node.weights.items()})


def _replaced(graph: Graph, copies: Copies, made: Mapping[str, Node], moved: Mapping[Ref, Ref]) -> Graph:
    gone = {node.name for copy in copies.nodes for node in copy}
    nodes: dict[str, Node] = {}
    for node in graph:
        if node.name == copies.nodes[-1][-1].name:
            nodes |= made
        elif node.name not in gone:
            nodes[node.name] = reading(node, moved)
    outputs, updates = ({n: moved.get(ref, ref) for n, ref in read.items()} for read in (graph.outputs, graph.updates))
    return Graph(graph.name, nodes, outputs, updates, graph.remarks)

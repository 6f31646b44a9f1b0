"""Puts some nodes of a graph into a graph of their own, of which the backward pass keeps nothing but what goes in."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.base import Op
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.input import Input

SOURCES = ("input", "parameter", "state")
STORED = ("parameter", "state")


def enclosed(graph: Graph, names: Iterable[str]) -> Graph:
    """The graph with these nodes as one; with them what stands on ways from one of them to another."""
    chosen = closure(graph, {name for name in names if graph.nodes[name].op.name not in SOURCES})
    if not chosen:
        return graph
    node, moved = _node(graph, chosen)
    outside = {
        name: _reading(other, moved) if not _all_inside(other, moved) else other
        for name, other in graph.nodes.items()
        if name not in chosen
    }
    outputs, updates = (
        {name: moved.get(ref, ref) for name, ref in refs.items()} for refs in (graph.outputs, graph.updates)
    )
    return replace(graph, nodes=_ordered({**outside, node.name: node}), outputs=outputs, updates=updates)


def closure(graph: Graph, names: set[str]) -> set[str]:
    """The names, and the nodes on all ways from one of them to another: as one node they make no circle."""
    behind, ahead = set(names), set(names)
    for node in graph:
        if any(ref.node in behind for ref in node.references()):
            behind.add(node.name)
    for node in reversed(list(graph)):
        if node.name in ahead:
            ahead.update(ref.node for ref in node.references())
    return {name for name in behind & ahead if graph.nodes[name].op.name not in SOURCES}


def _all_inside(node: Node, moved: Mapping[Ref, Ref]) -> bool:
    return not any(ref in moved for ref in node.references())


def _reading(node: Node, moved: Mapping[Ref, Ref]) -> Node:
    inputs = tuple(None if ref is None else moved.get(ref, ref) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: moved.get(ref, ref) for role, ref in node.weights.items()})


def _node(graph: Graph, chosen: set[str]) -> tuple[Node, dict[Ref, Ref]]:
    """The node that stands for the chosen ones, and what is read in place of what they gave."""
    inside = [node for node in graph if node.name in chosen]
    first, last = inside[0], inside[-1]
    builder, given = Builder(f"{last.name}.again"), dict[Ref, Ref]()
    stored = {ref.node for node in inside for ref in node.references() if graph.nodes[ref.node].op.name in STORED}
    updates = {name: ref for name, ref in graph.updates.items() if ref.node in chosen}
    stored |= set(updates)
    taken = [ref for node in inside for ref in node.references() if ref.node not in chosen | stored]
    builder.nodes |= {name: graph.nodes[name] for name in graph.nodes if name in stored or name in chosen}
    for ref in dict.fromkeys(taken):
        type = graph.type(ref)
        name = f"{ref.node}.{ref.output}" if ref.output else ref.node
        given[ref] = builder.add(Node(name, Input(type.dtype, type.shape), types=(type,), path=name))
    outside = [ref for node in graph if node.name not in chosen for ref in node.references()]
    results = list(dict.fromkeys(ref for ref in (*outside, *graph.outputs.values()) if ref.node in chosen))
    nodes = {ref.node: builder.nodes[ref.node] for ref in given.values()}
    nodes |= {name: graph.nodes[name] for name in graph.nodes if name in stored}
    nodes |= {node.name: _reading(node, given) for node in inside}
    body = Graph(builder.name, nodes, {str(place): ref for place, ref in enumerate(results)}, updates)
    types = (*(graph.type(ref) for ref in results), *(graph.nodes[name].type for name in updates))
    name = _free(graph, f"{last.name}.again")
    made = Node(
        name, Enclosed(body), tuple(given), {name: Ref(name) for name in _stored(body)}, types, first.path, first.span,
        blocks=first.blocks,
    )  # fmt: skip
    moved = {ref: Ref(name, place) for place, ref in enumerate((*results, *updates.values()))}
    # What leaves as an output and as a next state is read as the output.
    return made, moved | {ref: Ref(name, place) for place, ref in enumerate(results)}


def _stored(body: Graph) -> list[str]:
    """Weights and states as an op names them: those without a next value first."""
    names = [node.name for kind in STORED for node in body.sources(kind)]
    return [*(name for name in names if name not in body.updates), *body.updates]


def _free(graph: Graph, name: str) -> str:
    builder = Builder(graph.name)
    builder.nodes = dict(graph.nodes)
    return builder.fresh(name)


def _ordered(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Every node behind what it reads; else in the order that they have."""
    found: dict[str, Node] = {}
    for start in nodes:
        ahead = [start]
        while ahead:
            name = ahead[-1]
            open_ = [ref.node for ref in nodes[name].references() if ref.node not in found]
            if name in found or not open_:
                found.setdefault(ahead.pop(), nodes[name])
            else:
                ahead += open_
    return found


def has_state(op: Op) -> bool:
    """Whether an op keeps statistics."""
    return type(op).state is not Op.state

"""Leaves out of loops what no output needs: a sum over all positions on the way to a loss says nothing of the text."""

from dataclasses import replace

from dslc.graph import Graph, Node, Ref
from dslc.ops.core.repeat import Repeat


def needed(graph: Graph) -> Graph:
    """The graph without the values of loops that nothing reads, inside of loops as well."""
    graph = graph.live()
    nodes: dict[str, Node] = {}
    moved: dict[Ref, Ref] = {}
    read = {ref for node in graph for ref in node.references()} | set(graph.read())
    for node in graph:
        made = _reading(node, moved)
        if isinstance(node.op, Repeat):
            made, kept = _loop(
                made, node.op, [place for place in range(len(node.types)) if Ref(node.name, place) in read]
            )
            moved |= {Ref(node.name, old): Ref(node.name, new) for new, old in enumerate(kept)}
        nodes[made.name] = made
    outputs = {name: moved.get(ref, ref) for name, ref in graph.outputs.items()}
    return Graph(graph.name, nodes, outputs).live()


def _reading(node: Node, moved: dict[Ref, Ref]) -> Node:
    inputs = tuple(None if ref is None else moved.get(ref, ref) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: moved.get(ref, ref) for role, ref in node.weights.items()})


def _loop(node: Node, op: Repeat, read: list[int]) -> tuple[Node, list[int]]:
    """The loop with those of its outputs that are read or that these need, and their places before."""
    names = list(op.body.outputs)
    keep = {place for place in read if place < len(names)}
    while True:
        body = replace(
            op.body, outputs={names[place]: op.body.outputs[names[place]] for place in sorted(keep)}, updates={}
        )
        alive = needed(body)
        more = {place for place, name in enumerate(op.given[: op.carried]) if name in alive.nodes}
        if more <= keep:
            break
        keep |= more
    kept = sorted(keep)
    carried = [place for place in kept if place < op.carried]
    places = [*carried, *range(op.carried, len(op.given))]
    inputs = {op.given[place]: op.body.nodes[op.given[place]] for place in places}
    made = replace(op, body=replace(alive, nodes=inputs | dict(alive.nodes)), carried=len(carried))
    types = tuple(node.types[place] for place in kept)
    weights = {role: ref for role, ref in node.weights.items() if role in alive.nodes}
    return replace(
        node, op=made, inputs=tuple(node.inputs[place] for place in places), weights=weights, types=types
    ), kept

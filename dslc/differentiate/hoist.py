"""Takes out of the body of a region what is the same in every iteration, so that it is computed once and kept once."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from dslc.differentiate.forward import reading
from dslc.graph import Graph, Node, Ref
from dslc.ops.base import Op
from dslc.ops.core.input import Input
from dslc.ops.core.repeat import Repeat


def hoist(graph: Graph) -> Graph:
    """The graph with such nodes in front of their regions, and captured by them; inner regions first."""
    if not any(isinstance(node.op, Repeat) for node in graph):
        return graph
    nodes: dict[str, Node] = {}
    for node in graph:
        is_region = isinstance(node.op, Repeat)
        for made in _taken_out(node, graph.nodes.keys() | nodes.keys()) if is_region else (node,):
            nodes[made.name] = made
    return replace(graph, nodes=nodes)


def _taken_out(node: Node, names: AbstractSet[str]) -> list[Node]:
    """The nodes that were taken out of a region, and the region.

    Args:
        names: of the graph around, and of what was taken out of other regions, whose bodies may name it alike.
    """
    op = node.op
    assert isinstance(op, Repeat)
    body = hoist(op.body)
    node = replace(node, op=replace(op, body=body))
    same = _same_in_all(op, body)
    taken = {name for name in same if any(True for _ in body.nodes[name].references())}
    needed = _needed_by(body, taken)
    if not taken or not needed.isdisjoint(names):
        return [node]
    outside = {name: node.inputs[place] for place, name in enumerate(op.given)}
    moved = [_outside(body.nodes[name], outside) for name in body.nodes if name in needed]
    refs = sorted(_read_inside(body, taken))
    return [*moved, _without(node, op, body, taken, refs)]


def _same_in_all(op: Repeat, body: Graph) -> set[str]:
    """Nodes of a body that read nothing but captured tensors, and constants."""
    whole = set(op.given[op.carried :][: op.captured])
    same: set[str] = set()
    for node in body:
        if _is_plain(node) and all(ref.node in whole or ref.node in same for ref in node.references()):
            same.add(node.name)
    return same


def _is_plain(node: Node) -> bool:
    """Whether a node gives the same output for the same inputs."""
    is_source = node.op.name in ("input", "parameter", "state")
    stands_alone = not isinstance(node.op, Repeat) and not node.op.random and type(node.op).state is Op.state
    return stands_alone and not is_source and not node.weights


def _needed_by(body: Graph, taken: set[str]) -> set[str]:
    """The nodes that are taken, and the constants that they read."""
    read = {ref.node for name in taken for ref in body.nodes[name].references()}
    return taken | {name for name in read if body.nodes[name].op.name != "input"}


def _outside(node: Node, outside: dict[str, Ref | None]) -> Node:
    """A node of the body as one of the graph around."""
    inputs = (None if ref is None else outside.get(ref.node, ref) for ref in node.inputs)
    return replace(node, inputs=tuple(inputs))


def _read_inside(body: Graph, taken: set[str]) -> set[Ref]:
    """What is left in the body reads these of the nodes that are taken."""
    inner = (ref for node in body if node.name not in taken for ref in node.references())
    return {ref for ref in (*inner, *body.read()) if ref.node in taken}


def _without(node: Node, op: Repeat, body: Graph, taken: set[str], refs: Sequence[Ref]) -> Node:
    """The region that captures what was taken out of its body."""
    captured = [_input(body, ref) for ref in refs]
    now = {ref: Ref(made.name) for ref, made in zip(refs, captured, strict=True)}
    split = op.carried + op.captured
    first, last = (tuple(body.nodes[name] for name in names) for names in (op.given[:split], op.given[split:]))
    inside = (reading(inner, now) for inner in body if inner.name not in taken)
    # Inputs read nothing, so they may all come first; of a name that comes again the place stays.
    nodes = {made.name: made for made in (*first, *captured, *last, *inside)}
    outputs, updates = (
        {name: now.get(ref, ref) for name, ref in found.items()} for found in (body.outputs, body.updates)
    )
    smaller = replace(body, nodes=nodes, outputs=outputs, updates=updates)
    inputs = (*node.inputs[:split], *refs, *node.inputs[split:])
    return replace(node, op=replace(op, body=smaller, captured=op.captured + len(captured)), inputs=inputs)


def _input(body: Graph, ref: Ref) -> Node:
    type = body.type(ref)
    name = f"{ref.node}.{ref.output}" if ref.output else ref.node
    return Node(name, Input(type.dtype, type.shape), types=(type,), path=name)

"""The smallest graph that still has what was found: fewer outputs, nodes that are inputs or gone, smaller sizes."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.ops.core.input import Input
from dslc.passes._edit import changed
from dslc.text import BadText, from_text, to_text
from dslc.verify import Broken, bodies, verify

Bad = Callable[[Graph], bool]


def smallest(graph: Graph, bad: Bad, seconds: float = 60) -> Graph:
    """Take the first change that leaves the graph bad, again and again."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        smaller = next((one for one in _smaller(graph) if _still(one, bad, end)), None)
        if smaller is None:
            break
        graph = smaller
    return graph


def _still(graph: Graph, bad: Bad, end: float) -> bool:
    if time.monotonic() > end:
        return False
    try:
        verify(graph)
    except Broken:
        return False
    return bad(graph)


def _smaller(graph: Graph) -> Iterator[Graph]:
    """Every graph that is one step smaller, the largest steps first."""
    for made in (graph, *_fewer(graph)):
        made = _without_unread(made)  # noqa: PLW2901
        if len(to_text(made)) < len(to_text(graph)):
            yield made
    yield from _other_sizes(graph)


def _fewer(graph: Graph, inside: bool = False) -> Iterator[Graph]:
    for name in graph.outputs:
        if not inside and len(graph.outputs) > 1 and name != "loss":
            yield replace(graph, outputs={other: ref for other, ref in graph.outputs.items() if other != name})
    for name in graph.updates:
        yield replace(graph, updates={other: ref for other, ref in graph.updates.items() if other != name})
    for node in reversed(list(graph)):
        if node.op.name not in ("input", "parameter", "state"):
            yield from _without(graph, node, inside)
    for node in graph:
        for field, body in bodies(node.op).items():
            for smaller in _fewer(body, inside=True):
                yield _with_body(graph, node, field, smaller)


def _without(graph: Graph, node: Node, inside: bool) -> Iterator[Graph]:
    """The graph with an input of the node, or a source of its own, in the place of what the node gives."""
    used = [ref for ref in graph.uses if ref.node == node.name] + [ref for ref in graph.read() if ref.node == node.name]
    if len({*used}) > 1:
        return
    for ref in {*used}:
        type = graph.type(ref)
        for other in {*node.references()}:
            if graph.type(other) == type:
                yield _reading(graph, ref, other)
        if not inside or (type.dtype == "f32" and node.op.name != "full"):
            op = OPS["full"](type.shape, 0.5) if inside else Input(type.dtype, type.shape)
            moved = _reading(graph, ref, Ref(node.name))
            yield replace(moved, nodes={**moved.nodes, node.name: Node(node.name, op, types=(type,), path=node.path)})


def _reading(graph: Graph, old: Ref, new: Ref) -> Graph:
    def now(ref: Ref | None) -> Ref | None:
        return new if ref == old else ref

    nodes = {
        name: replace(node, inputs=tuple(map(now, node.inputs)), weights={role: now(ref) for role, ref in node.weights.items()})
        for name, node in graph.nodes.items()
    }  # fmt: skip
    outputs, updates = ({name: now(ref) for name, ref in refs.items()} for refs in (graph.outputs, graph.updates))
    return replace(graph, nodes=nodes, outputs=outputs, updates=updates)  # type: ignore[arg-type]


def _with_body(graph: Graph, node: Node, field: str, body: Graph) -> Graph:
    """The graph with another body in a region, and the weights that this one has."""
    sources = {inner.name for inner in body if inner.op.name in ("parameter", "state")}
    read = {ref.node for inner in body for ref in inner.references()} | {ref.node for ref in body.read()}
    body = replace(body, nodes={n: inner for n, inner in body.nodes.items() if n in read or n not in sources})
    weights = {role: ref for role, ref in node.weights.items() if role in body.nodes}
    made = replace(node, op=changed(node.op, **{field: body}), weights=weights)
    return replace(graph, nodes={**graph.nodes, node.name: made})


def _without_unread(graph: Graph, inside: bool = False) -> Graph:
    """Only what outputs and next states need; the body of a region keeps its inputs."""
    for node in graph:
        for field, body in bodies(node.op).items():
            graph = _with_body(graph, graph.nodes[node.name], field, _without_unread(body, inside=True))
    wanted, ahead = set[str](), [ref.node for ref in graph.read()]
    while ahead:
        name = ahead.pop()
        if name not in wanted:
            wanted.add(name)
            ahead += [ref.node for ref in graph.nodes[name].references()]
    wanted |= {node.name for node in graph.sources("input") if inside}
    return replace(graph.only(wanted), updates={name: ref for name, ref in graph.updates.items() if name in wanted})


def _other_sizes(graph: Graph) -> Iterator[Graph]:
    """The graph with one number another everywhere."""
    text = to_text(graph)
    for size in sorted({int(found) for found in re.findall(r"(?<![\w.@])\d+(?![\w.])", text)}, reverse=True):
        for other in {1, 2} if size > 2 else set[int]():
            try:
                yield from_text(re.sub(rf"(?<![\w.@]){size}(?![\w.])", str(other), text))
            except (BadText, ValueError):
                continue

"""Cuts a long repeat into segments: only what goes into each of them is kept, and the way back runs a segment again.

With segments of about the square root of the number of iterations both what is kept and what is there at a time grow with
that root. Weights stay stacked: a loop over the segments takes them as `[segments, length, ...]`.
"""

from dataclasses import replace
from typing import Any

from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.input import Input
from dslc.ops.core.repeat import Repeat
from dslc.recompute.enclose import STORED
from dslc.types import Type


def lengths(count: int) -> list[int]:
    """Lengths of segments that a repeat of `count` iterations can be cut into, longest first."""
    return [length for length in range(count // 2, 1, -1) if count % length == 0]


def segmented(graph: Graph, name: str, length: int) -> Graph:
    """The graph with a repeat cut into segments of so many iterations, which divide those of the repeat."""
    node = graph.nodes[name]
    op = node.op
    assert isinstance(op, Repeat)
    inner = _segment(node, op, length)
    outer = replace(
        op,
        body=_around(node, op, inner, length),
        count=op.times // length,
        stride=length,
        start=op.start,
        unroll=False,
        places=(),
    )
    return _put(graph, node, outer, length)


def _segment(node: Node, op: Repeat, length: int) -> Graph:
    """The graph of one segment: the repeat over fewer iterations."""
    sources = _sources(op, length)
    types = tuple(sources[name].type for name in op.given)
    inner = replace(op, count=length, start=0)
    stored = [name for name in sources if name not in op.given]
    states = tuple(op.body.nodes[name].type.stacked(length) for name in op.body.updates)
    made = replace(
        node,
        op=inner,
        inputs=tuple(Ref(name) for name in op.given),
        weights={name: Ref(name) for name in stored},
        types=(*inner.infer(*types), *states),
    )
    own = len(made.types) - len(states)
    outputs = {str(place): Ref(node.name, place) for place in range(own)}
    updates = {name: Ref(node.name, own + place) for place, name in enumerate(op.body.updates)}
    return Graph(f"{op.body.name}.segment", {**sources, node.name: made}, outputs, updates)


def _around(node: Node, op: Repeat, inner: Graph, length: int) -> Graph:
    """The body of the loop over the segments: one of them, of which nothing is kept."""
    sources = _sources(op, length)
    types = inner.nodes[node.name].types
    made = replace(
        inner.nodes[node.name],
        name=f"{node.name}.segment",
        op=Enclosed(inner),
        weights={name: Ref(name) for name in _stored_order(inner)},
    )
    own = len(types) - len(inner.updates)
    outputs = {str(place): Ref(made.name, place) for place in range(own)}
    updates = {name: Ref(made.name, own + place) for place, name in enumerate(inner.updates)}
    return Graph(f"{op.body.name}.segments", {**sources, made.name: made}, outputs, updates)


def _stored_order(body: Graph) -> list[str]:
    names = [node.name for kind in STORED for node in body.sources(kind)]
    return [*(name for name in names if name not in body.updates), *body.updates]


def _sources(op: Repeat, length: int) -> dict[str, Node]:
    """What comes into a segment: inputs in the order of the repeat, then stored arrays, with `length` of what is sliced."""
    whole = op.carried + op.captured
    found: dict[str, Node] = {}
    for place, name in enumerate(op.given):
        node = op.body.nodes[name]
        type = node.type if place < whole else node.type.stacked(length)
        found[name] = replace(node, op=Input(type.dtype, type.shape), types=(type,))
    for kind in STORED:
        for node in op.body.sources(kind):
            stored: Any = node.op
            stacked = replace(stored, stack=((op.start, length), *stored.stack))
            found[node.name] = replace(node, op=stacked, types=(node.type.stacked(length),))
    return found


def _put(graph: Graph, node: Node, op: Repeat, length: int) -> Graph:
    """The graph with the loop over segments in the place of the repeat, and reshapes in front of it and behind it."""
    before, after = dict[str, Node](), dict[str, Node]()
    moved: dict[Ref, Ref] = {}

    def cut(ref: Ref) -> Ref:
        type = graph.type(ref)
        return _reshaped(before, node, f"{ref.node}.segments", ref, _cut(type, length))

    whole = op.carried + op.captured
    inputs = tuple(ref if place < whole or ref is None else cut(ref) for place, ref in enumerate(node.inputs))
    made_types = [type if place < op.carried else _cut(type, length) for place, type in enumerate(node.types)]
    weights = {name: cut(ref) for name, ref in node.weights.items()}
    outer = replace(node, op=op, inputs=inputs, weights=weights, types=tuple(made_types))
    read = {ref for other in graph for ref in other.references()} | set(graph.read())
    for place in range(op.carried, len(node.types)):
        ref = Ref(node.name, place)
        if ref in read:
            moved[ref] = _reshaped(after, node, f"{node.name}.{place}.joined", ref, node.types[place])
    nodes: dict[str, Node] = {}
    for name, other in graph.nodes.items():
        if name == node.name:
            nodes |= {**before, name: outer, **after}
        else:
            nodes[name] = _reading(other, moved)
    outputs, updates = (
        {name: moved.get(ref, ref) for name, ref in refs.items()} for refs in (graph.outputs, graph.updates)
    )
    return replace(graph, nodes=nodes, outputs=outputs, updates=updates)


def _cut(type: Type, length: int) -> Type:
    count = int(type.shape[0])  # pyright: ignore[reportArgumentType]  # no size is open now
    return type.with_shape(count // length, length, *type.shape[1:])


def _reshaped(nodes: dict[str, Node], node: Node, name: str, ref: Ref, type: Type) -> Ref:
    kind: Any = OPS["reshape"]
    nodes[name] = Node(name, kind(type.shape), (ref,), {}, (type,), node.path, node.span, blocks=node.blocks)
    return Ref(name)


def _reading(node: Node, moved: dict[Ref, Ref]) -> Node:
    if not any(ref in moved for ref in node.references()):
        return node
    inputs = tuple(None if ref is None else moved.get(ref, ref) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: moved.get(ref, ref) for role, ref in node.weights.items()})

"""Splits off what depends on weights alone: worked out once, for any number of calls at inference.

Passes feed layers with weights that are computed in the graph (`A @ B`, a kernel times the slope of a normalization).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.core.parameter import Parameter
from dslc.ops.core.repeat import Repeat
from dslc.ops.shape.cast import Cast
from dslc.passes._edit import alive, draws
from dslc.types import Type
from dslc.verify import input_types, verify


@dataclass(frozen=True)
class Prepared:
    """`once` gives computed weights by name from weights and states; `rest` takes them as parameters of these names."""

    once: Graph
    rest: Graph


def prepare(graph: Graph) -> Prepared:
    """The two parts of a graph without open dimensions, regions included.

    What only moves data (a transposed table) stays where it is: it would cost memory and save nothing.
    """
    graph = _regions_prepared(graph)
    split = _frontier(graph)
    once = Graph(graph.name, graph.nodes, {name: ref for ref, name in split.items()})
    return Prepared(verify(once.only(alive(once, always=()))), verify(_rest(graph, split)))


def _frontier(graph: Graph) -> dict[Ref, str]:
    """Tensors worked out from weights alone that something else reads, and the names they get as parameters."""
    work = _work(graph)
    read = [ref for node in graph if node.name not in work for ref in node.references()]
    wanted = (ref for ref in (*read, *graph.read()) if work.get(ref.node, 0) > 0)
    return {ref: f"{ref.node}.{ref.output}" if len(graph.nodes[ref.node].types) > 1 else ref.node for ref in wanted}


def _work(graph: Graph) -> dict[str, int]:
    """Operations behind each node that depends on weights alone; none behind the weights themselves."""
    work: dict[str, int] = {}
    for node in graph:
        if node.op.name in ("parameter", "state"):
            work[node.name] = 0
        elif (
            (before := list(node.references()))
            and all(ref.node in work for ref in before)
            and not _changes(graph, node)
        ):
            work[node.name] = sum(work[ref.node] for ref in before) + _operations(graph, node)
    return work


def _operations(graph: Graph, node: Node) -> int:
    # A weight that is rounded to 16 bits is half as long to read in every call.
    return 1 if isinstance(node.op, Cast) else node.op.cost(*input_types(graph, node)).flops


def _changes(graph: Graph, node: Node) -> bool:
    return draws(node.op) or bool(node.op.state(*input_types(graph, node)))


def _rest(graph: Graph, split: dict[Ref, str]) -> Graph:
    builder = Builder(graph.name)
    given = {ref: Ref(name) for ref, name in split.items()}
    for node in graph:
        for ref, name in split.items():
            if ref.node == node.name:
                builder.nodes[name] = _as_parameter(node, name, graph.type(ref))
        if node.name not in builder.nodes:
            builder.nodes[node.name] = _moved(node, given)
    outputs, updates = (
        {name: given.get(ref, ref) for name, ref in read.items()} for read in (graph.outputs, graph.updates)
    )
    rest = Graph(graph.name, builder.nodes, outputs, updates)
    return rest.only(alive(rest, always=("input", "state")))


def _moved(node: Node, given: dict[Ref, Ref]) -> Node:
    inputs = tuple(None if ref is None else given.get(ref, ref) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: given.get(ref, ref) for role, ref in node.weights.items()})


def _as_parameter(node: Node, name: str, type: Type) -> Node:
    shape = tuple(int(size) for size in type.shape)  # pyright: ignore[reportArgumentType]
    return replace(node, name=name, op=Parameter(shape, type.dtype), inputs=(), weights={}, types=(type,))


def _regions_prepared(graph: Graph) -> Graph:
    """What the bodies of regions work out from their weights in each iteration, in a region of its own before them."""
    nodes = {made.name: made for node in graph for made in _split_region(node)}
    return replace(graph, nodes=nodes) if len(nodes) > len(graph) else graph


def _split_region(node: Node) -> Iterator[Node]:
    if isinstance(node.op, Repeat):
        parts = prepare(node.op.body)
        if parts.once.outputs:
            once = _once(node, node.op, parts.once)
            yield once
            computed = {name: Ref(once.name, place) for place, name in enumerate(parts.once.outputs)}
            weights = {name: ref for name, ref in {**node.weights, **computed}.items() if name in parts.rest.nodes}
            node = replace(node, op=replace(node.op, body=parts.rest), weights=weights)
    yield node


def _once(node: Node, op: Repeat, body: Graph) -> Node:
    types = tuple(Type((op.count, *body.type(ref).shape), body.type(ref).dtype) for ref in body.outputs.values())
    weights = {name: ref for name, ref in node.weights.items() if name in body.nodes}
    made = Repeat(body, op.count, carried=0, captured=0, start=op.start)
    return replace(node, name=f"{node.name}.once", op=made, inputs=(), weights=weights, types=types, labels=())

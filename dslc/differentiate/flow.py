"""Which tensors of a graph get a gradient: those that depend on what is differentiated by, and that a result depends on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dslc.graph import Graph, Node, Ref
from dslc.ops.core.repeat import Repeat
from dslc.types import Type


def flow(graph: Graph, wrt: Iterable[str | Ref], results: Iterable[Ref]) -> frozenset[Ref]:
    """The tensors on the ways from `wrt`, sources by name or any tensors, to the results, both ends included."""
    varying = _varying(graph, wrt)
    return frozenset(_reached(graph, varying, results))


def own_outputs(graph: Graph, node: Node) -> int:
    """Number of outputs of a node without the next states."""
    return len(node.types) - len(node.op.state(*input_types(graph, node)))


def input_types(graph: Graph, node: Node) -> tuple[Type | None, ...]:
    return tuple(None if ref is None else graph.type(ref) for ref in node.inputs)


def _varying(graph: Graph, wrt: Iterable[str | Ref]) -> set[Ref]:
    varying = {wanted if isinstance(wanted, Ref) else Ref(wanted) for wanted in wrt}
    for node in graph:
        if any(ref in varying for ref in node.references()):
            varying |= {Ref(node.name, place) for place in _varying_outputs(graph, node, varying)}
    return varying


def _varying_outputs(graph: Graph, node: Node, varying: set[Ref]) -> list[int]:
    if node.op.stops_gradient:
        return []
    if isinstance(node.op, Repeat):
        inside = inner_varying(node, node.op, varying)
        return [place for place, ref in enumerate(node.op.body.outputs.values()) if ref in inside]
    return [place for place in range(own_outputs(graph, node)) if node.types[place].is_float]


def _reached(graph: Graph, varying: set[Ref], results: Iterable[Ref]) -> set[Ref]:
    reached = varying.intersection(results)
    for node in reversed(list(graph)):
        arrived = [place for place in range(len(node.types)) if Ref(node.name, place) in reached]
        if not arrived:
            continue
        if isinstance(node.op, Repeat):
            inside = inner_flow(node, node.op, varying, arrived)
            reached |= {
                ref for ref, name in outer_sources(node, node.op) if ref in varying and Ref(name) in inside.reached
            }
        else:
            reached |= varying.intersection(node.references())
    return reached


# The body of a region.


@dataclass(frozen=True)
class Inside:
    """The flow in the body of a region, and the outputs of the body at which a gradient arrives."""

    reached: frozenset[Ref]
    arrived: tuple[int, ...]


def outer_sources(node: Node, op: Repeat) -> list[tuple[Ref, str]]:
    """What a region reads, and the sources in its body that stand for it."""
    inputs = [(ref, name) for ref, name in zip(node.inputs, op.given, strict=True) if ref is not None]
    return [*inputs, *((ref, name) for name, ref in node.weights.items())]


def inner_varying(node: Node, op: Repeat, varying: Iterable[Ref]) -> set[Ref]:
    """What varies in the body, in the first iteration or in one after it."""
    outside = set(varying)
    names = {name for ref, name in outer_sources(node, op) if ref in outside}
    while True:
        inside = _varying(op.body, names)
        more = {name for name, ref in _carries(op) if ref in inside} - names
        if not more:
            return inside
        names |= more


def inner_flow(node: Node, op: Repeat, varying: Iterable[Ref], arrived: Sequence[int]) -> Inside:
    """The flow in the body to the outputs `arrived` of the region, through as many iterations as it takes."""
    inside, outputs = inner_varying(node, op, varying), list(op.body.outputs.values())
    places = set(arrived)
    while True:
        reached = _reached(op.body, inside, [outputs[place] for place in places])
        more = {place for place, name in enumerate(op.given[: op.carried]) if Ref(name) in reached} - places
        if not more:
            return Inside(frozenset(reached), tuple(sorted(places)))
        places |= more


def _carries(op: Repeat) -> list[tuple[str, Ref]]:
    """Carried inputs of the body and the outputs that they take their next values from."""
    return list(zip(op.given[: op.carried], op.body.outputs.values(), strict=False))

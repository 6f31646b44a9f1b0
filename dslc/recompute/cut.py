"""What crosses from the forward to the backward pass, by a minimum cut: the fewest bytes from which all the rest follows.

Every tensor is an edge whose capacity is its bytes. The source feeds what is there anyway (weights, inputs) and what is too
dear to compute twice; the sink is reached from every tensor that a backward rule reads. The edges that a minimum cut cuts
are kept; what lies behind them is computed again.

Reference: Ford and Fulkerson, 1956, Maximal flow through a network; Chen, Xu, Zhang and Guestrin, 2016, arXiv:1604.06174.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dslc.differentiate.flow import flow
from dslc.differentiate.forward import prepare
from dslc.differentiate.sweep import Sweep
from dslc.estimate.liveness import bytes_of
from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.core._region import Region
from dslc.ops.core.repeat import Repeat
from dslc.recompute.enclose import SOURCES, enclosed

SOURCE, SINK = "source", "sink"


@dataclass(frozen=True)
class Cut:
    """What is kept, and what is computed again with the nodes whose rules read it."""

    kept: Mapping[Ref, int]
    """Tensors and their bytes."""
    again: Mapping[Ref, int]
    clusters: tuple[frozenset[str], ...]
    """Nodes that are computed again together."""


def cut(
    graph: Graph,
    wrt: Iterable[str],
    results: Iterable[Ref],
    is_light: Callable[[Node, Graph], bool],
    carried: Iterable[str] = (),
) -> Cut:
    """The cheapest tensors to keep, where only nodes that are light may be computed again.

    Args:
        carried: inputs that are not there any more on the way back: those that a repeat carries.
    """
    import networkx as nx  # noqa: PLC0415  # a sixth of a second that a file without a budget does without

    read, lost = read_by_rules(graph, wrt, results), set(carried)
    free = set[str]()
    for node in graph:
        viewed = node.op.view and all(ref.node in free for ref in node.references())
        if (_is_free(node) or viewed) and node.name not in lost:
            free.add(node.name)
    network: Any = nx.DiGraph()
    network.add_nodes_from((SOURCE, SINK))
    for node in graph:
        if node.name not in free:
            heavy = node.name in lost or isinstance(node.op, Region) or not is_light(node, graph)
            for place, type in enumerate(node.types):
                _tensor(network, node, Ref(node.name, place), bytes_of(type), heavy)
    network.add_edges_from(((ref, "out"), SINK) for refs in read.values() for ref in refs if ref.node not in free)
    _, (before, _) = nx.minimum_cut(network, SOURCE, SINK)
    kept, again = dict[Ref, int](), dict[Ref, int]()
    for ref in dict.fromkeys(ref for refs in read.values() for ref in refs):
        _follow(graph, ref, before, free, kept, again)
    return Cut(kept, again, _clusters(graph, read, again))


def _is_free(node: Node) -> bool:
    """Whether a node's output is there anyway, or costs nothing to write down again."""
    return node.op.name in SOURCES or (not node.op.random and not any(True for _ in node.references()))


def _tensor(network: Any, node: Node, ref: Ref, size: int, heavy: bool) -> None:
    """A tensor as an edge, and what it comes from; where that is free nothing need be kept."""
    network.add_edge((ref, "in"), (ref, "out"), capacity=size)
    if heavy:
        network.add_edge(SOURCE, (ref, "in"))
    for other in node.references():
        network.add_edge((other, "out"), (ref, "in"))


def _follow(
    graph: Graph, ref: Ref, before: set[Any], free: set[str], kept: dict[Ref, int], again: dict[Ref, int]
) -> None:
    """Note a tensor that the way back needs as kept or computed again, and for the latter what it is computed from."""
    open_ = [ref]
    while open_:
        ref = open_.pop()
        node = graph.nodes[ref.node]
        if ref.node in free or ref in kept or ref in again:
            continue
        if (ref, "in") in before:
            kept[ref] = bytes_of(graph.type(ref))
        else:
            again[ref] = bytes_of(graph.type(ref))
            open_.extend(node.references())


def read_by_rules(graph: Graph, wrt: Iterable[str], results: Iterable[Ref]) -> dict[str, list[Ref]]:
    """By node, the tensors of the graph that its backward rule reads; what a rule saves for itself is left out."""
    reached = flow(graph, list(wrt), list(results))
    forward = prepare(graph, reached)
    sweep = Sweep(forward, reached, Builder(graph.name), lambda ref: ref, Ref(""))
    found: dict[str, list[Ref]] = {}
    for node in graph:
        if not any(Ref(node.name, place) in reached for place in range(len(node.types))):
            continue
        if isinstance(node.op, Repeat):
            refs = [ref for ref in node.inputs[node.op.carried :] if ref is not None]
        elif isinstance(node.op, Region):
            refs = [ref for ref in node.inputs if ref is not None]
        else:
            refs = [ref for _, ref in sweep.kept(node) if ref.output < len(graph.nodes[ref.node].types)]
            refs = [ref for ref in refs if ref.node != node.name or ref.output == 0]
        found[node.name] = refs
    return found


def _clusters(graph: Graph, read: Mapping[str, list[Ref]], again: Mapping[Ref, int]) -> tuple[frozenset[str], ...]:
    """Nodes that share a tensor which is computed again: who makes it, and whose rule reads it."""
    import networkx as nx  # noqa: PLC0415

    shared: Any = nx.Graph()
    for ref in again:
        shared.add_node(ref.node)
        shared.add_edges_from((ref.node, other.node) for other in graph.nodes[ref.node].references() if other in again)
    for name, refs in read.items():
        shared.add_edges_from((ref.node, name) for ref in refs if ref in again)
    return tuple(frozenset(part) for part in nx.connected_components(shared))


def recomputing(graph: Graph, found: Cut) -> Graph:
    """The graph with each cluster as a node of which only what goes in is kept."""
    for cluster in found.clusters:
        here = [name for name in cluster if name in graph.nodes]
        if here:
            graph = enclosed(graph, here)
    return graph


def inside(graph: Graph, name: str, body: Graph) -> Graph:
    """The graph in which a repeat has another body."""
    node = graph.nodes[name]
    assert isinstance(node.op, Repeat)
    return replace(graph, nodes={**graph.nodes, name: replace(node, op=replace(node.op, body=body))})

"""First values left open by the author are chosen by the activation that follows."""

from dataclasses import replace
from typing import Any

from dslc.graph import Graph, Node, Ref
from dslc.initializers.base import INITIALIZERS

DEFAULT = "glorot_uniform"


def choose(graph: Graph) -> Graph:
    """The graph with an initializer on every parameter."""
    changed: dict[str, Node] = {}
    for node in graph.sources("parameter"):
        op: Any = node.op
        if op.init is None:
            initializer: Any = INITIALIZERS[_following(graph, node)]()
            changed[node.name] = replace(node, op=replace(op, init=initializer))
    if not changed:
        return graph
    return replace(graph, nodes={name: changed.get(name, node) for name, node in graph.nodes.items()})


def _following(graph: Graph, parameter: Node) -> str:
    """The initializer that fits the first activation after the layer of a parameter."""
    layers = graph.uses.get(Ref(parameter.name), ())
    seen: set[str] = set()
    open_ = [graph.nodes[name] for name in layers if not graph.nodes[name].op.transparent]
    while open_:
        node = open_.pop(0)
        for reader in graph.uses.get(Ref(node.name), ()):
            follower = graph.nodes[reader]
            if follower.op.starts is not None:
                return follower.op.starts
            if follower.op.transparent and reader not in seen:
                seen.add(reader)
                open_.append(follower)
    return DEFAULT

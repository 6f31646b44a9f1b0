"""First values left open by the author are chosen by the activation that follows."""

from dataclasses import replace
from typing import Any

from dslc.graph import Graph, Node, Ref
from dslc.initializers.base import INITIALIZERS
from dslc.ops.core.repeat import Repeat

DEFAULT = "glorot_uniform"


def choose(graph: Graph) -> Graph:
    """The graph with an initializer on every parameter."""
    changed: dict[str, Node] = {}
    for node in graph.sources("parameter"):
        op: Any = node.op
        if op.init is None:
            initializer: Any = INITIALIZERS[_following(graph, Ref(node.name)) or DEFAULT]()
            changed[node.name] = replace(node, op=replace(op, init=initializer))
    if not changed:
        return graph
    return replace(graph, nodes={name: changed.get(name, node) for name, node in graph.nodes.items()})


def _following(graph: Graph, parameter: Ref) -> str | None:
    """The initializer that fits the first activation after the layer of a parameter."""
    layers = [graph.nodes[name] for name in graph.uses.get(parameter, ())]
    layers += [graph.nodes[name] for made in layers if made.op.remakes for name in graph.uses.get(Ref(made.name), ())]
    seen: set[str] = set()
    open_ = [node for node in layers if not node.op.transparent]
    while open_:
        node = open_.pop(0)
        if isinstance(node.op, Repeat) and node in layers:
            inside = next(name for ref, name in zip(node.inputs, node.op.given, strict=True) if ref == parameter)
            found = _following(node.op.body, Ref(inside))
            if found is not None:
                return found
        for reader in graph.uses.get(Ref(node.name), ()):
            follower = graph.nodes[reader]
            if follower.op.starts is not None:
                return follower.op.starts
            if follower.op.transparent and reader not in seen:
                seen.add(reader)
                open_.append(follower)
    return None

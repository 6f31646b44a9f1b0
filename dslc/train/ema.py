"""`ema = 0.9999`: exponential moving averages of the weights, measured and saved in place of the weights themselves.

As in Keras (`use_ema`) and timm (`ModelEma`) a mean starts as its weight does, and each step moves it by `1 - ema` of the way
there; the weights that train are untouched. Running statistics are means already, and are taken as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dslc.graph import Graph
from dslc.ops.core.state import State

MEAN = "@ema"
"""Ends the name of a mean; no name of the language has it."""


def with_means(graph: Graph, weights: Iterable[str], decay: float | None) -> Graph:
    """The graph with a follower for each of the weights; nothing in it reads one."""
    if decay is None:
        return graph
    nodes = dict(graph.nodes)
    for name in weights:
        node = graph.nodes[name]
        op: Any = node.op
        made = State(op.shape, op.dtype, op.init, op.fan_in, op.fan_out, op.stack, follows=name, decay=decay)
        nodes[name + MEAN] = replace(node, name=name + MEAN, op=made, labels=())
    return replace(graph, nodes=nodes)


def shown(weights: Mapping[str, Any], state: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights and states by name as they are measured and saved: means in place of the weights that have one."""
    means = {name.removesuffix(MEAN): array for name, array in state.items() if name.endswith(MEAN)}
    return {**weights, **means}, {name: array for name, array in state.items() if not name.endswith(MEAN)}

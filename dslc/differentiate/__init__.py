"""The backward pass as a graph: reverse-mode rules over the forward graph, regions included.

What the rules read is kept by name, and only that crosses from forward to backward. Backward nodes are ordinary nodes, so the
result can be differentiated again.
"""

from collections.abc import Sequence
from dataclasses import replace

from dslc.differentiate.flow import flow
from dslc.differentiate.forward import prepare
from dslc.differentiate.hoist import hoist
from dslc.differentiate.sweep import Sweep
from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.core.filled import Filled

__all__ = ["differentiate", "gradient_name"]


def gradient_name(name: str) -> str:
    """The output that holds the gradient by a parameter or input."""
    return f"gradient of {name}"


def differentiate(graph: Graph, of: str, wrt: Sequence[str]) -> Graph:
    """The graph with the gradients of the output `of`, a float scalar, by the parameters or inputs `wrt` as more outputs.

    Raises:
        ValueError: when `of` is no float scalar, or `wrt` names no parameter or input of floats.
    """
    graph = hoist(graph)
    result = _result(graph, of)
    _check(graph, wrt)
    reached = flow(graph, wrt, [result])
    forward = prepare(graph, reached)
    builder = Builder(graph.name)
    builder.nodes = dict(forward.graph.nodes)
    result, last = forward.now(result), graph.nodes[result.node]
    type = graph.type(result)
    start = builder.add(
        Node(f"{of}.gradient", Filled(1.0, type, type), (result,), types=(type,), path=last.path, span=last.span)
    )
    sweep = Sweep(forward, reached, builder, lambda ref: ref, start)
    sweep.arrive(graph.outputs[of], start)
    sweep.run()
    gradients = {gradient_name(name): sweep.total_or_zeros(Ref(name)) for name in wrt}
    return replace(forward.graph, nodes=builder.nodes, outputs={**forward.graph.outputs, **gradients})


def _result(graph: Graph, of: str) -> Ref:
    if of not in graph.outputs:
        raise ValueError(f"there is no output `{of}`")
    type = graph.type(graph.outputs[of])
    if type.rank or not type.is_float:
        raise ValueError(f"the output `{of}` is {type}, and only a float scalar has a gradient")
    return graph.outputs[of]


def _check(graph: Graph, wrt: Sequence[str]) -> None:
    for name in wrt:
        node = graph.nodes.get(name)
        if node is None or node.op.name not in ("input", "parameter") or not node.type.is_float:
            raise ValueError(f"`{name}` is no parameter or input of floats")

"""A graph with its backward pass, cut in two: what the loss needs, and the gradients from what the first part hands on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dslc.graph import Graph, Node, Ref
from dslc.lower import SOURCES
from dslc.ops.core.input import Input

KEPT = "kept "
"""Begins the names of what the forward pass hands on; no name of the language has a space."""


@dataclass(frozen=True)
class Halves:
    """The two parts; the outputs of the first that begin with `KEPT` are inputs of the second."""

    forward: Graph
    backward: Graph
    kept: tuple[str, ...]


def halves(graph: Graph, told: Iterable[str]) -> Halves:
    """Cut a graph behind the outputs `told` and the next states."""
    first = _behind(graph, [*(graph.outputs[name] for name in told), *graph.updates.values()])
    second = [node for node in graph if node.name not in first and node.op.name not in SOURCES]
    refs = {
        ref: f"{KEPT}{ref.node}{f' {ref.output}' if ref.output else ''}"
        for node in second
        for ref in node.references()
        if ref.node in first and graph.nodes[ref.node].op.name not in SOURCES
    }
    forward = replace(
        graph.only(first),
        outputs={**{name: graph.outputs[name] for name in told}, **{name: ref for ref, name in refs.items()}},
    )
    inputs = {name: _input(name, graph, ref) for ref, name in refs.items()}
    nodes = {**{node.name: node for node in graph if node.op.name in SOURCES}, **inputs}
    nodes |= {node.name: _rewired(node, refs) for node in second}
    gradients = {name: refs_of(ref, refs) for name, ref in graph.outputs.items() if name not in forward.outputs}
    return Halves(forward, Graph(graph.name, nodes, gradients), tuple(refs.values()))


def refs_of(ref: Ref, kept: dict[Ref, str]) -> Ref:
    """A reference, or the input that stands for it."""
    return Ref(kept[ref]) if ref in kept else ref


def _behind(graph: Graph, refs: list[Ref]) -> set[str]:
    """The nodes that something depends on."""
    found: set[str] = set()
    open_ = [ref.node for ref in refs]
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_.extend(ref.node for ref in graph.nodes[name].references())
    return found


def _input(name: str, graph: Graph, ref: Ref) -> Node:
    type = graph.type(ref)
    return Node(name, Input(type.dtype, type.shape), types=(type,))


def _rewired(node: Node, kept: dict[Ref, str]) -> Node:
    inputs = tuple(None if ref is None else refs_of(ref, kept) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: refs_of(ref, kept) for role, ref in node.weights.items()})

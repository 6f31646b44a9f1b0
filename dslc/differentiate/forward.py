"""The forward graph made ready: its nodes put out what the backward rules read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dslc.differentiate.flow import input_types, own_outputs
from dslc.graph import Graph, Node, Ref
from dslc.ops.core.repeat import Repeat
from dslc.ops.core.saving import Saving
from dslc.types import Type

if TYPE_CHECKING:
    from dslc.differentiate.regions import Region


@dataclass(frozen=True)
class Forward:
    """A graph before and after it was made ready."""

    before: Graph
    graph: Graph
    saved: Mapping[str, tuple[str, ...]]
    """What each node saves, by name: its outputs after its own ones."""
    regions: "Mapping[str, Region]"
    moved: Mapping[Ref, Ref]
    """Next states, which stand behind what is saved."""

    def now(self, ref: Ref) -> Ref:
        """A reference into the graph before, as one into the graph after."""
        return self.moved.get(ref, ref)


def prepare(graph: Graph, reached: frozenset[Ref]) -> Forward:
    """Let every node through which a gradient goes back put out what its rule reads."""
    from dslc.differentiate.regions import Region  # noqa: PLC0415  # a region holds graphs that are made ready in turn

    nodes: dict[str, Node] = {}
    saved: dict[str, tuple[str, ...]] = {}
    regions: dict[str, Region] = {}
    moved: dict[Ref, Ref] = {}
    for node in graph:
        arrived = [place for place in range(len(node.types)) if Ref(node.name, place) in reached]
        made = reading(node, moved)
        if arrived and isinstance(node.op, Repeat):
            regions[node.name] = Region(node, node.op, reached, arrived)
            made = replace(
                made, op=regions[node.name].forward, types=_with_more(graph, node, regions[node.name].kept_types)
            )
        elif arrived and node.op.saves:
            types = node.op.saved(*input_types(graph, node))
            saved[node.name] = tuple(types)
            made = (
                replace(made, op=Saving(node.op, tuple(types)), types=_with_more(graph, node, tuple(types.values())))
                if types
                else made
            )
        own, more = own_outputs(graph, node), len(made.types) - len(node.types)
        if more:
            moved |= {Ref(node.name, place): Ref(node.name, place + more) for place in range(own, len(node.types))}
        nodes[node.name] = made
    outputs, updates = (
        {name: moved.get(ref, ref) for name, ref in refs.items()} for refs in (graph.outputs, graph.updates)
    )
    return Forward(graph, replace(graph, nodes=nodes, outputs=outputs, updates=updates), saved, regions, moved)


def reading(node: Node, moved: Mapping[Ref, Ref]) -> Node:
    """The node with other references in the place of some that it reads."""
    if not any(ref in moved for ref in node.references()):
        return node
    inputs = tuple(None if ref is None else moved.get(ref, ref) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: moved.get(ref, ref) for role, ref in node.weights.items()})


def _with_more(graph: Graph, node: Node, more: tuple[Type, ...]) -> tuple[Type, ...]:
    own = own_outputs(graph, node)
    return (*node.types[:own], *more, *node.types[own:])

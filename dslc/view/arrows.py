"""Which drawn thing reads which: followed through the borders of regions to the layers inside."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from dslc.graph import Graph, Node, Ref
from dslc.verify import bodies

Name: TypeAlias = tuple[str, ...]
"""A node's name, after those of the regions that it stands in."""
Items: TypeAlias = Mapping[Name, int]
"""Number of the item that draws a node, where one does."""

OUTPUT = "output "
"""Stands before the name of an output of the graph; no node has a space in its name."""


class Arrow(NamedTuple):
    """A tensor on its way: the item that makes it, which of its outputs, the type, and the item that reads it."""

    item: int
    output: int
    type: str
    to: int


class Tensor(NamedTuple):
    """What a drawn item puts out."""

    item: int
    output: int
    type: str


Made: TypeAlias = dict[Ref, Tensor]
Found: TypeAlias = dict[Arrow, None]


def arrows(graph: Graph, items: Items) -> tuple[Arrow, ...]:
    """Every arrow between items, each one once."""
    found: Found = {}
    made = _follow(graph, (), {}, items, found)
    for name, ref in graph.outputs.items():
        if ref in made:
            found[Arrow(*made[ref], items[(OUTPUT + name,)])] = None
    return tuple(found)


def _follow(graph: Graph, scope: Name, given: Made, items: Items, found: Found) -> Made:
    """What each reference stands for; `given` has what comes from outside of a body."""
    made = dict(given)
    for node in graph:
        if bodies(node.op):
            made |= _through(node, scope, made, items, found)
            continue
        item = items.get((*scope, node.name))
        if item is None:
            continue
        for ref in (*node.references(), Ref(node.name)):
            if ref in made:
                found[Arrow(*made[ref], item)] = None
        made |= {Ref(node.name, at): Tensor(item, at, str(type)) for at, type in enumerate(node.types)}
    return made


def _through(node: Node, scope: Name, made: Made, items: Items, found: Found) -> Made:
    """What a region puts out, after its bodies have been followed."""
    out: Made = {}
    for body in bodies(node.op).values():
        given = {Ref(name): made[ref] for name, ref in fed(node, body).items() if ref in made}
        inner = _follow(body, (*scope, node.name), given, items, found)
        for at, (ref, type) in enumerate(zip(body.read(), node.types, strict=True)):
            if ref in inner:
                out[Ref(node.name, at)] = inner[ref]._replace(type=str(type))
    return out


def fed(node: Node, body: Graph) -> dict[str, Ref]:
    """What stands outside for each source of a body: inputs in their order, weights by their name."""
    inputs = zip((inner.name for inner in body.sources("input")), node.inputs, strict=True)
    return {**{name: ref for name, ref in inputs if ref is not None}, **node.weights}

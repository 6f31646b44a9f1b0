"""The parts of one level of a graph, and the boxes that the source puts each of them in."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from dslc.graph import Graph, Node
from dslc.ops.base import Op
from dslc.verify import bodies
from dslc.view.arrows import OUTPUT, Name
from dslc.view.boxes import Part, Place
from dslc.view.wording import is_gradient

HIDDEN = ("parameter", "state", "constant")
MANY_OUTPUTS = 4
"""More outputs of one node than this stand in a box of their own."""


@dataclass(frozen=True)
class Level:
    """A graph, or the body of a region together with the node of the region."""

    graph: Graph
    region: Node | None = None
    scope: Name = ()
    """Names of the regions around it, outermost first."""
    times: int = 1
    """How often it runs."""
    behind: bool = False
    """The whole level belongs to the backward pass."""

    @cached_property
    def drawn(self) -> tuple[Node, ...]:
        """All but weights and constants; of a body's inputs those that leave it as they came, or that nothing reads."""
        return tuple(node for node in self.graph if node.op.name not in HIDDEN and not self._is_passed_on(node))

    def _is_passed_on(self, node: Node) -> bool:
        """An input of a body whose readers take its arrow."""
        if self.region is None or node.op.name != "input":
            return False
        leaves = any(ref.node == node.name for ref in self.graph.read())
        return not leaves and any(ref.node == node.name for ref in self.graph.uses)

    @cached_property
    def backward(self) -> frozenset[str]:
        """Nodes of the backward pass: gradients, and what is made of them."""
        found: set[str] = set()
        for node in self.graph:
            reads = any(ref.node in found for ref in node.references())
            if self.behind or reads or starts_backward(node):
                found.add(node.name)
        return frozenset(found)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The drawn nodes, and the outputs where this is not a body."""
        places = {node.name: tuple(self._places(node)) for node in self.drawn}
        kind = {node.name: "input" if node.op.name == "input" else "" for node in self.drawn}
        parts = [Part(node.name, places[node.name], kind[node.name]) for node in self.drawn]
        return (*parts, *self._outputs(places))

    @cached_property
    def reads(self) -> Mapping[str, frozenset[str]]:
        """Names of the drawn parts that each part reads."""
        names = {node.name for node in self.drawn}
        reads = {node.name: frozenset(ref.node for ref in node.references()) & names for node in self.drawn}
        if self.region is None:
            reads |= {OUTPUT + name: frozenset({ref.node}) & names for name, ref in self.graph.outputs.items()}
        return reads

    def _outputs(self, places: Mapping[str, tuple[Place, ...]]) -> Iterator[Part]:
        """Outputs stand outside of boxes, gradients beside what makes them, and many of one node in their own box."""
        if self.region is not None:
            return
        made = [ref.node for ref in self.graph.outputs.values()]
        for name, ref in self.graph.outputs.items():
            at = places.get(ref.node, ()) if ref.node in self.backward else ()
            if made.count(ref.node) > MANY_OUTPUTS:
                at = (*at, Place("outputs", ref.node in self.backward))
            yield Part(OUTPUT + name, at, "output")

    def _places(self, node: Node) -> Iterator[Place]:
        for path in self._blocks(node):
            yield Place(path, node.name in self.backward, self._uses.get((path, node.name), 0))

    def _blocks(self, node: Node) -> tuple[str, ...]:
        """The blocks of a node, without those around its region."""
        if self.region is None:
            return node.blocks
        around = {*self.region.blocks, self.region.path, f"{self.region.path}.*"}
        return tuple(path for path in node.blocks if path not in around)

    def within(self, region: Node, body: Graph) -> "Level":
        """The level inside of a region."""
        times = self.times * iterations(region.op)
        return Level(body, region, (*self.scope, region.name), times, region.name in self.backward)

    @cached_property
    def _uses(self) -> dict[tuple[str, str], int]:
        """Which use of a shared layer each node belongs to, by block and name."""
        members: dict[tuple[str, bool], list[Node]] = {}
        for node in self.drawn:
            for path in self._blocks(node):
                members.setdefault((path, node.name in self.backward), []).append(node)
        return {(path, name): use for (path, _), nodes in members.items() for name, use in uses(nodes).items()}


def iterations(op: Op) -> int:
    """How often the body of a region runs; once where only the data tells."""
    count = getattr(op, "count", 1)
    return count if isinstance(count, int) else 1


def starts_backward(node: Node) -> bool:
    """Whether a node is a gradient, called one by the stage that made it, or a region with one inside."""
    inner = (each for body in bodies(node.op).values() for each in body)
    called = node.name != node.path and node.name.endswith(".gradient")
    return called or is_gradient(node.op) or any(map(starts_backward, inner))


def uses(nodes: Iterable[Node]) -> dict[str, int]:
    """Which use of its block each node belongs to: a shared block has its weighted layers as often as it is used."""
    seen: dict[str, list[str]] = {}
    members = {node.name: node for node in nodes}
    for node in members.values():
        if node.weights:
            seen.setdefault(node.path, []).append(node.name)
    times = min(map(len, seen.values()), default=1)
    if times == 1:
        return {}
    found = {name: at * times // len(names) + 1 for names in seen.values() for at, name in enumerate(names)}
    return _spread(members, found)


def _spread(members: Mapping[str, Node], found: dict[str, int]) -> dict[str, int]:
    """Nodes without weights stand with what they read, or else with what reads them."""
    for name, node in members.items():
        if name not in found:
            known = [found[ref.node] for ref in node.references() if ref.node in found]
            found |= {name: max(known)} if known else {}
    for node in reversed(list(members.values())):
        for ref in node.references():
            if ref.node in members and ref.node not in found and node.name in found:
                found[ref.node] = found[node.name]
    return found

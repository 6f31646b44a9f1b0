"""How much memory the intermediate tensors of a graph need at once, from who reads them last.

XLA computes what is elementwise inside of whoever reads it. So a tensor has memory of its own where it is made by more than
that (a product, a loop), or where such an op, which needs its operands whole, reads it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dslc.graph import Graph, Node, Ref
from dslc.ops.core._region import Region
from dslc.ops.core.backward import Backward
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.repeat import Repeat
from dslc.types import BYTES, Type

SOURCES = ("input", "parameter", "state", "constant")
LIGHT = 24
"""Operations for each number of the inputs up to which an op is a loop that others can join: a product takes far more."""


def bytes_of(*types: Type) -> int:
    """Bytes of concrete types."""
    return sum(int(type.size) * BYTES[type.dtype] for type in types)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class Peak:
    """The moment at which most memory is needed."""

    bytes: int
    at: str = ""
    """The node that is computed then."""
    alive: Mapping[Ref, int] = field(default_factory=dict[Ref, int])
    """Tensors that wait to be read, and their bytes."""
    inside: int = 0
    """Of the node itself: the body of a loop."""


def peak(graph: Graph) -> Peak:
    """The peak of a graph without open sizes; its sources and what leaves it are the caller's."""
    return _Walk(graph).peak()


@dataclass
class _Walk:
    graph: Graph
    last: dict[Ref, int] = field(default_factory=dict[Ref, int])
    """Place of the last reader of each tensor that has memory."""
    roots: dict[Ref, frozenset[Ref]] = field(default_factory=dict[Ref, frozenset[Ref]])

    def peak(self) -> Peak:
        graph = self.graph
        needed = _needed(graph)
        leaving = {root for ref in graph.read() for root in (ref, *self._viewed(ref))}
        for place, node in enumerate(needed):
            for ref in node.references():
                for root in self.roots_of(ref):
                    self.last[root] = place
        best, alive = Peak(0), dict[Ref, int]()
        ahead, rooms = self._ahead(needed), self._rooms(needed)
        for place, node in enumerate(needed):
            alive |= ahead.get(node.name, {})
            if node.op.name in SOURCES:
                continue
            own = {
                ref: bytes_of(type)
                for output, type in enumerate(node.types)
                if (ref := Ref(node.name, output)) not in leaving and self.last.get(ref, -1) > place
            }
            alive |= own
            inside = rooms.get(node.name, 0) or _inside(node, graph)
            now = sum(alive.values()) + inside
            if now > best.bytes:
                best = Peak(now, node.name, dict(alive), inside)
            alive = {ref: size for ref, size in alive.items() if self.last[ref] > place}
        return best

    def _rooms(self, needed: list[Node]) -> dict[str, int]:
        """By node, what it works in, together with the nodes that XLA works on at the same time: they wait for one another not.

        That is so of the two directions of a layer that reads a sequence both ways.
        """
        sizes = {
            node.name: size
            for node in needed
            if not isinstance(node.op, Region) and (size := _inside(node, self.graph))
        }
        behind: dict[str, set[str]] = {}
        for node in needed:
            above = {ref.node for ref in node.references()}
            behind[node.name] = {name for name in above if name in sizes}.union(
                *(behind.get(name, ()) for name in above)
            )
        return {
            name: size
            + sum(
                other_size
                for other, other_size in sizes.items()
                if other != name and other not in behind[name] and name not in behind[other]
            )
            for name, size in sizes.items()
        }

    def _ahead(self, needed: list[Node]) -> dict[str, dict[Ref, int]]:
        """By node, what XLA makes at once of its output for a backward rule later on.

        It is there until the kernel after that rule, and so is a copy of the gradient that the rule is given: XLA takes the
        gradient by the weights after that by the input.
        """
        found: dict[str, dict[Ref, int]] = {}
        for place, node in enumerate(needed):
            op = node.op
            size = op.of.ahead(*op.taken) if isinstance(op, Backward) and node.inputs and node.inputs[0] else 0
            first = node.inputs[0] if node.inputs else None
            if size and first is not None:
                maker = next(iter(self.roots_of(first)), first).node
                until = self._next(needed, place)
                self.last[Ref(node.name, -1)] = until
                found.setdefault(maker, {})[Ref(node.name, -1)] = size
                if until > place:
                    self.last[Ref(node.name, -2)] = until
                    found.setdefault(node.name, {})[Ref(node.name, -2)] = self._given(node)
        return found

    def _next(self, needed: list[Node], place: int) -> int:
        """Place of the next node whose output has memory."""
        for later in range(place + 1, len(needed)):
            if any(ref in self.roots_of(ref) for ref in _outputs(needed[later])):
                return later
        return place

    def _given(self, node: Node) -> int:
        """Bytes of the gradient that a backward rule is given: its last input."""
        gradient = node.inputs[-1]
        return 0 if gradient is None else bytes_of(self.graph.type(gradient))

    def roots_of(self, ref: Ref) -> frozenset[Ref]:
        """The tensors with memory that a tensor is computed from where it is read; itself if it has some."""
        if ref not in self.roots:
            node = self.graph.nodes[ref.node]
            if node.op.name in SOURCES:
                found = frozenset[Ref]()
            elif node.op.view or (
                _joins(node, self.graph) and all(_joins(reader, self.graph) for reader in self._readers(ref))
            ):
                found = frozenset[Ref]().union(*(self.roots_of(other) for other in node.references()))
            else:
                found = frozenset([ref])
            self.roots[ref] = found
        return self.roots[ref]

    def _viewed(self, ref: Ref) -> Iterator[Ref]:
        """What a tensor is only another shape of."""
        while (node := self.graph.nodes[ref.node]).op.view and node.inputs[0] is not None:
            ref = node.inputs[0]
            yield ref

    def _readers(self, ref: Ref) -> Iterator[Node]:
        return (self.graph.nodes[name] for name in self.graph.uses.get(ref, ()))


def _taken(node: Node, graph: Graph) -> list[Any]:
    return [None if ref is None else graph.type(ref) for ref in node.inputs]


def _needed(graph: Graph) -> list[Node]:
    wanted, found = {ref.node for ref in graph.read()}, list[Node]()
    for node in reversed(list(graph)):
        if node.name in wanted:
            wanted.update(ref.node for ref in node.references())
            found.append(node)
    return found[::-1]


def _joins(node: Node, graph: Graph) -> bool:
    """Whether XLA can compute a node inside of the loop of another."""
    op = node.op.of if isinstance(node.op, Backward) else node.op
    if isinstance(op, Region):
        return False
    if op.elementwise or op.linear:
        return True
    if any(graph.type(ref).rank > 1 for ref in node.weights.values()):
        return False
    types = [graph.type(ref) for ref in node.inputs if ref is not None]
    taken = _taken(node, graph)
    size = max((bytes_of(type) for type in (*types, *node.types)), default=0) // 4
    return node.op.cost(*taken).flops <= LIGHT * size


def _inside(node: Node, graph: Graph) -> int:
    """Bytes that a node needs besides what goes in and out of it: for the body of a region."""
    op = node.op
    if not isinstance(op, Region):
        inner = op.of if isinstance(op, Backward) else op
        taken: list[Any] = list(op.taken) if isinstance(op, Backward) else _taken(node, graph)
        return inner.workspace(*taken)
    if isinstance(op, Enclosed):
        return peak(op.body).bytes
    if not isinstance(op, Repeat):
        return 0
    slices = [
        inner.type
        for inner in op.body
        if inner.op.name in ("parameter", "state") or inner.name in op.given[op.carried + op.captured :]
    ]
    once = peak(op.body).bytes + bytes_of(*slices)
    return once * op.times if op.batched else once


def is_light(node: Node, graph: Graph) -> bool:
    """Whether a node takes so little that computing it twice hardly shows."""
    return _joins(node, graph)


def kernels(graph: Graph) -> set[str]:
    """Nodes that XLA computes in a loop of their own: whose output has memory, or leaves the graph."""
    walk = _Walk(graph)
    leaving = {ref.node for ref in graph.read()}
    return {
        node.name
        for node in graph
        if node.op.name not in SOURCES
        and not node.op.view
        and (node.name in leaving or any(ref in walk.roots_of(ref) for ref in _outputs(node)))
    }


def _outputs(node: Node) -> Iterator[Ref]:
    return (Ref(node.name, place) for place in range(len(node.types)))


def crossing(graph: Graph, first: str) -> int:
    """Bytes of the tensors with memory that are made before a node and read from there on."""
    walk, behind, found = _Walk(graph), False, set[Ref]()
    before = set[str]()
    for node in graph:
        behind = behind or node.name == first
        if not behind:
            before.add(node.name)
        else:
            found |= {root for ref in node.references() for root in walk.roots_of(ref) if root.node in before}
    return sum(bytes_of(graph.type(ref)) for ref in found)

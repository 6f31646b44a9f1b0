"""Copies of one subgraph that stand one after the other in a graph."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dslc.graph import Graph, Node, Ref
from dslc.lazy import np
from dslc.ops.base import Op
from dslc.passes._edit import SOURCES, draws
from dslc.text import op_text
from dslc.types import Type
from dslc.verify import bodies, input_types

Inner = tuple[int, int]
"""An output of a copy: the place of the node in the copy, and which of its outputs."""
NARROW = 4
"""Cuts between copies that are tried: those that the fewest tensors cross."""


@dataclass(frozen=True)
class Copies:
    """Nodes that are equal copy by copy, but for weights of their own and for what one copy takes from the one before it."""

    nodes: tuple[tuple[Node, ...], ...]
    carried: Mapping[Inner, Ref]
    """What a copy reads of the one before it, and what the first one reads in its place."""
    captured: tuple[Ref, ...]
    """What all of them read from outside."""
    own: tuple[tuple[str, ...], ...]
    """Parameters and states of which every copy has its own: the name of each copy's."""
    updates: Mapping[int, Inner]
    """Next values of these states, by place in `own`."""
    results: tuple[Inner, ...]
    """What something outside reads of a copy; of the last one not what it carries."""

    def __len__(self) -> int:
        return len(self.nodes)


def roles(node: Node) -> list[str]:
    """The roles of a node's weights in an order that does not depend on names in the body of a region."""
    held = bodies(node.op).values()
    return [name for body in held for name in body.nodes if name in node.weights] if held else sorted(node.weights)


def references(node: Node) -> list[Ref | None]:
    """All that a node reads: inputs, then weights in the order of `roles`."""
    return [*node.inputs, *(node.weights[role] for role in roles(node))]


def find(graph: Graph, least: int, chained: bool) -> Iterator[Copies]:
    """Runs of at least so many copies, the largest first: chained ones take from each other, others only from outside."""
    line = [node for node in graph if node.op.name not in SOURCES and (node.op.random or any(node.references()))]
    known: dict[Any, int] = {}
    kinds = [known.setdefault(_kind(graph, node), len(known)) for node in line]
    matcher, used, tried = _Matcher(graph), set[int](), list[tuple[int, int, int]]()
    for start, period, end in _periodic(kinds, least):
        # Two copies together are copies as well, and what is true of the one is true of the other.
        again = any(period % p == 0 and s <= start and end <= e for s, p, e in tried)
        if again or not used.isdisjoint(range(start, end)):
            continue
        for first, copies in _cut(matcher, line, start, period, least, end):
            if len(copies) >= least:
                tried.append((start, period, end))
            if bool(copies.carried) == chained and any(node.weights for node in copies.nodes[0]):
                used |= set(range(first, first + period * len(copies))) if len(copies) >= least else set()
                yield copies


def _periodic(kinds: Sequence[int], least: int) -> list[tuple[int, int, int]]:
    """Stretches in which every node is of the kind of the one a period before: start, period and end."""
    row, found = np.asarray(kinds), list[tuple[int, int, int]]()
    for period in range(1, len(kinds) // least + 1):
        alike = np.concatenate(([False], row[:-period] == row[period:], [False]))
        edges = np.flatnonzero(alike[1:] != alike[:-1])
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - start >= (least - 1) * period:
                found.append((start, period, end + period))
    return sorted(found, key=lambda one: (one[0] - one[2], one[1], one[0]))


def _cut(
    matcher: "_Matcher", line: list[Node], start: int, period: int, least: int, end: int
) -> Iterator[tuple[int, Copies]]:
    """The copies of a stretch, cut where the fewest tensors go from one to the next."""
    narrow = sorted(range(start, start + period), key=lambda at: (_crossing(line, at + period, period), at))[:NARROW]
    best: list[tuple[int, Copies]] = []
    for first in narrow:
        found, at = list[tuple[int, Copies]](), first
        while end - at >= least * period:
            copies = matcher.match(line[at:end], period)
            found.append((at, copies))
            at += period * max(1, len(copies))
        if _longest(found) > _longest(best):
            best = found
    yield from best


def _longest(found: list[tuple[int, Copies]]) -> int:
    return max((len(copies) for _, copies in found), default=0)


def _crossing(line: list[Node], at: int, period: int) -> int:
    """Number of tensors that go from the nodes before a place to those behind it, one period each."""
    before = {node.name for node in line[at - period : at]}
    return len({ref for node in line[at : at + period] for ref in node.references() if ref.node in before})


def _kind(graph: Graph, node: Node) -> Any:
    """Equal for nodes that may be copies of each other."""
    # Copies in a loop are told from each other by indices in the same places.
    indices = sum(part.isdigit() for part in node.name.split(".")) if draws(node.op) else 0
    types = tuple(None if ref is None else _type(graph.type(ref)) for ref in references(node))
    return _op(node.op), indices, types, tuple(map(_type, node.types))


def _type(type: Type) -> tuple[Any, ...]:
    return type.dtype, type.shape


def _op(op: Op) -> Any:
    """Equal for equal ops, whatever the nodes in their bodies are called."""
    if not bodies(op):
        return op_text(op)
    held = ((field.name, getattr(op, field.name)) for field in op.settings())
    return op.name, *((name, _body(value) if isinstance(value, Graph) else repr(value)) for name, value in held)


def _body(graph: Graph) -> Any:
    places = {name: place for place, name in enumerate(graph.nodes)}

    def at(ref: Ref | None) -> Any:
        return ref and (places[ref.node], ref.output)

    nodes = tuple((_kind(graph, node), *map(at, references(node))) for node in graph)
    updates = tuple((places[name], at(ref)) for name, ref in graph.updates.items())
    return nodes, tuple(map(at, graph.outputs.values())), updates


def flops(graph: Graph, copy: Sequence[Node]) -> int:
    """Operations of a copy; 0 where sizes are open, and nothing can be said."""
    types = [type for node in copy for type in (*input_types(graph, node), *node.types) if type is not None]
    if not all(isinstance(size, int) for type in types for size in type.shape):
        return 0
    return sum(node.op.cost(*input_types(graph, node)).flops for node in copy)


class _Matcher:
    """Compares copies node by node."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.leaving = set(graph.outputs.values())
        self.followed = {ref: name for name, ref in graph.updates.items()}

    def match(self, line: Sequence[Node], period: int) -> Copies:
        """As many copies from the first node on as are equal."""
        copies = [tuple(line[at : at + period]) for at in range(0, len(line) - period + 1, period)]
        where = {node.name: (number, place) for number, copy in enumerate(copies) for place, node in enumerate(copy)}
        pattern, _ = self._read(copies[1], 1, where)
        starts: dict[Inner, Ref] = {}
        names = list[list[str]]()
        for number, copy in enumerate(copies):
            found, stored = self._read(copy, number, where)
            if not (found == pattern or (number == 0 and self._begins(copy, pattern, found, starts))):
                break
            names.append(stored)
        count = max(len(names), 1)
        stored = list(zip(*names, strict=True))
        own = tuple(several for several in stored if len(set(several)) > 1)
        shared = (Ref(several[0]) for several in stored if len(set(several)) == 1)
        outside = (what[1] for what in pattern if what and what[0] == "outside")
        nexts = {what[1]: what[2] for what in pattern if what and what[0] == "next"}
        updates = {
            place: nexts[stored.index(several)] for place, several in enumerate(own) if stored.index(several) in nexts
        }
        results = self._results(copies[:count], where, set(starts), set(updates.values()))
        captured = tuple(dict.fromkeys((*outside, *shared)))
        return Copies(tuple(copies[:count]), starts, captured, own, updates, results)

    def _read(
        self, copy: Sequence[Node], number: int, where: Mapping[str, tuple[int, int]]
    ) -> tuple[list[Any], list[str]]:
        """What the nodes of a copy read, in terms that are the same in all copies; and its parameters and states."""
        stored: dict[str, int] = {}

        def seen(ref: Ref | None) -> Any:
            if ref is None:
                return None
            at, node = where.get(ref.node), self.graph.nodes[ref.node]
            if at is not None and number - at[0] in (0, 1):
                return ("own", "before")[number - at[0]], (at[1], ref.output)
            if node.op.name in ("parameter", "state"):
                trained = getattr(node.op, "trainable", False)  # a loop over some that are would go back through all
                return "stored", stored.setdefault(ref.node, len(stored)), trained
            if node.op.name == "constant":
                return "constant", op_text(node.op)
            return "outside", ref

        found = [seen(ref) for node in copy for ref in references(node)]
        for name, place in stored.items():
            ref = self.graph.updates.get(name)
            if ref is not None and where.get(ref.node, (-1, 0))[0] == number:
                found.append(("next", place, (where[ref.node][1], ref.output)))
        return found, list(stored)

    def _begins(self, copy: Sequence[Node], pattern: list[Any], found: list[Any], starts: dict[Inner, Ref]) -> bool:
        """Whether a copy reads what the others read, and one tensor for each that they take from the one before."""
        if len(pattern) != len(found):
            return False
        read = [ref for node in copy for ref in references(node)]
        for place, (wanted, got) in enumerate(zip(pattern, found, strict=True)):
            if wanted == got:
                continue
            ref = read[place] if place < len(read) else None
            # A weight to begin with would stand among those that every copy has of its own.
            if wanted is None or ref is None or wanted[0] != "before" or got[0] in ("own", "stored"):
                return False
            inner, output = wanted[1]
            if starts.setdefault((inner, output), ref) != ref or self.graph.type(ref) != copy[inner].types[output]:
                return False
        return True

    def _results(
        self,
        copies: Sequence[Sequence[Node]],
        where: Mapping[str, tuple[int, int]],
        carried: set[Inner],
        nexts: set[Inner],
    ) -> tuple[Inner, ...]:
        """What nodes outside of the copies read of them."""
        found: set[Inner] = set()
        for number, copy in enumerate(copies):
            for place, node in enumerate(copy):
                for output in range(len(node.types)):
                    inner, ref = (place, output), Ref(node.name, output)
                    readers = {where.get(name, (-1, 0))[0] for name in self.graph.uses.get(ref, ())}
                    inside = {number, number + 1} if number + 1 < len(copies) else {number}
                    leaves = ref in self.leaving or (ref in self.followed and inner not in nexts)
                    if (readers - inside or leaves) and not (inner in carried and number == len(copies) - 1):
                        found.add(inner)
        return tuple(sorted(found))

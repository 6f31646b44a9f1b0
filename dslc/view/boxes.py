"""Which boxes the parts of a graph stand in: nested as the author wrote them, and never in a circle.

A closed box is drawn as one thing, so no path may leave it and come back. Where one does (a block that reads its own
result through another one), the box is drawn in several pieces.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

MOST = 40
"""So many things can be taken in at a glance; longer rows fold into runs."""
LEAST = 10
"""A run of fewer things than this hides more than it helps."""

Reads = Mapping[str, Collection[str]]
"""Names of the parts that each part reads."""


class Place(NamedTuple):
    """A box that the source asks for: a block's path, in which pass, and which use of it if it is shared."""

    path: str
    backward: bool = False
    use: int = 0


@dataclass(frozen=True)
class Part:
    """What is drawn as one thing when all boxes are open."""

    name: str
    places: tuple[Place, ...] = ()
    end: str = ""
    """`input` or `output`: these stay out of runs where there are few of them."""


@dataclass(frozen=True)
class Box:
    """A box and what is in it; a run of neighbours has no place."""

    place: Place | None
    inside: tuple["Box | Part", ...]


Tree = Box | Part


def nested(parts: Sequence[Part], reads: Reads, depth: int = 0) -> tuple[Tree, ...]:
    """Boxes over parts that come in topological order."""
    groups = {part.name: part.places[depth] for part in parts if len(part.places) > depth}
    pieces = convex([part.name for part in parts], reads, groups)
    members: dict[Hashable, list[Part]] = {}
    for part in parts:
        members.setdefault(pieces[part.name], []).append(part)
    trees = (_box(inside, reads, depth) if inside[0].name in groups else inside[0] for inside in members.values())
    return folded(tuple(trees), reads)


def _box(parts: list[Part], reads: Reads, depth: int) -> Box:
    """One box; where it holds nothing but one other box, only that one."""
    inside = nested(parts, reads, depth + 1)
    only = inside[0] if len(inside) == 1 else None
    return only if isinstance(only, Box) and only.place else Box(parts[0].places[depth], inside)


def convex(names: Sequence[str], reads: Reads, groups: Mapping[str, Hashable]) -> dict[str, Hashable]:
    """The piece that each name belongs to: its own name, or a group and a number, such that pieces form no circle."""
    known = set(names)
    inner = {name: [other for other in reads[name] if other in known] for name in names}
    whole: dict[str, Hashable] = {name: (groups[name], 0) if name in groups else name for name in names}
    if _order(whole, inner) is not None:
        return whole
    pieces: dict[str, Hashable] = {name: name for name in names}
    for group in dict.fromkeys(groups.values()):
        waves = _waves(pieces, inner, {name for name in names if groups.get(name) == group})
        pieces |= {name: (group, wave) for name, wave in waves.items()}
    return pieces


def _before(pieces: Mapping[str, Hashable], reads: Reads) -> dict[Hashable, set[Hashable]]:
    """The pieces that each piece reads."""
    before: dict[Hashable, set[Hashable]] = {piece: set() for piece in pieces.values()}
    for name, piece in pieces.items():
        before[piece] |= {pieces[other] for other in reads[name]} - {piece}
    return before


def _order(pieces: Mapping[str, Hashable], reads: Reads) -> list[Hashable] | None:
    """The pieces in topological order, or None when they form a circle."""
    try:
        return list(TopologicalSorter(_before(pieces, reads)).static_order())
    except CycleError:
        return None


def _waves(pieces: Mapping[str, Hashable], reads: Reads, group: set[str]) -> dict[str, int]:
    """How often a path has come back to the group, for each member: those with equal numbers can be drawn as one."""
    before = _before(pieces, reads)
    wave: dict[Hashable, int] = {}
    for piece in TopologicalSorter(before).static_order():
        inside = piece in group
        seen = (wave[other] + (inside and other not in group) for other in before[piece])
        wave[piece] = max(seen, default=int(inside))
    return {name: wave[name] for name in group}


def folded(trees: tuple[Tree, ...], reads: Reads) -> tuple[Tree, ...]:
    """A row that is too long to take in, as runs of neighbours in topological order."""
    ends = [tree.end if isinstance(tree, Part) else "" for tree in trees]
    free = [end in ("input", "output") and ends.count(end) <= LEAST for end in ends]
    if free.count(False) <= MOST:
        return trees
    pieces = {name: at for at, tree in enumerate(trees) for name in names_in(tree)}
    inner = {name: [other for other in reads[name] if other in pieces] for name in pieces}
    order = [at for at in _order(pieces, inner) or () if isinstance(at, int)]
    return (*(trees[at] for at in order if free[at]), *_runs([trees[at] for at in order if not free[at]]))


def _runs(row: list[Tree]) -> tuple[Tree, ...]:
    if len(row) <= MOST:
        return tuple(row)
    size = max(LEAST, -(-len(row) // MOST))
    return tuple(Box(None, _runs(row[at : at + size])) for at in range(0, len(row), size))


def names_in(tree: Tree) -> Iterable[str]:
    """Names of all parts below, in order."""
    if isinstance(tree, Part):
        yield tree.name
        return
    for inside in tree.inside:
        yield from names_in(inside)

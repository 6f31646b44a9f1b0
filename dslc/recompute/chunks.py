"""Pieces of a graph that follow each other, cut where little crosses."""

from collections.abc import Sequence

from dslc.differentiate.flow import flow
from dslc.estimate.liveness import bytes_of
from dslc.graph import Graph, Node, Ref
from dslc.ops.core._region import Region
from dslc.recompute.enclose import SOURCES


def chunked(graph: Graph, wrt: Sequence[str], loss: str, count: int) -> list[list[Node]]:
    """`count` pieces of what a gradient goes back through, of about equal bytes; the last one stays out.

    A region ends a piece: it keeps or computes again by itself. The last piece is the first that the way back needs.
    """
    reached = flow(graph, list(wrt), [graph.outputs[loss]])
    runs: list[list[Node]] = [[]]
    for node in graph:
        if isinstance(node.op, Region):
            runs.append([])
        elif node.op.name not in SOURCES and any(Ref(node.name, at) in reached for at in range(len(node.types))):
            runs[-1].append(node)
    total = sum(_size(node) for run in runs for node in run)
    pieces: list[list[Node]] = []
    for run in runs:
        share = max(1, round(count * sum(map(_size, run)) / max(total, 1)))
        pieces += _cut(graph, run, share)
    return [piece for piece in pieces[:-1] if len(piece) > 1]


def _cut(graph: Graph, run: list[Node], count: int) -> list[list[Node]]:
    """A run in pieces: each ends, near to its share of the bytes, where the fewest bytes cross."""
    crossing = _crossing(graph, run)
    share = sum(map(_size, run)) / count
    pieces, piece, done = list[list[Node]](), list[Node](), 0.0
    for place, node in enumerate(run):
        piece.append(node)
        done += _size(node)
        near = crossing[max(0, place - 2) : place + 6]
        if done >= share * 0.75 and (crossing[place] == min(near) or done >= share * 1.5):
            pieces.append(piece)
            piece, done = [], 0.0
    return [*pieces, piece] if piece else pieces


def _crossing(graph: Graph, run: list[Node]) -> list[int]:
    """Bytes that are read later, behind each node of a run."""
    place = {node.name: at for at, node in enumerate(run)}
    last = [0] * len(run)
    for node in run:
        readers = [name for at in range(len(node.types)) for name in graph.uses.get(Ref(node.name, at), ())]
        ends = [place.get(name, len(run)) for name in readers]
        for at in range(place[node.name], min(max(ends, default=0), len(run))):
            last[at] += _size(node)
    return last


def _size(node: Node) -> int:
    return 0 if node.op.view else bytes_of(*node.types)

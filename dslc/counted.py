"""How large a graph is, in three numbers: to compare it before and after a pass."""

from dataclasses import dataclass

from dslc.graph import Graph
from dslc.ops.core._region import Region
from dslc.summary import SILENT


@dataclass(frozen=True)
class Counted:
    """Nodes that compute (those in the body of a loop once), and what one run of all of them costs."""

    nodes: int
    flops: int
    bytes: int
    """Read and written, each node for itself: what XLA fuses moves less."""


def counted(graph: Graph) -> Counted:
    """The numbers of a graph whose sizes are known."""
    nodes = flops = moved = 0
    for node in graph:
        if node.op.name in SILENT:
            continue
        nodes += counted(node.op.body).nodes if isinstance(node.op, Region) else 1
        cost = node.op.cost(*(None if ref is None else graph.type(ref) for ref in node.inputs))
        flops, moved = flops + cost.flops, moved + cost.bytes
    return Counted(nodes, flops, moved)

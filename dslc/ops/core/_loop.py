"""Whether the iterations of a graph are a loop or stand side by side in the program: what either takes, by a model.

Measured on a CPU with gradients, over widths of 16 to 1,024 and 4 to 32 iterations (docs/measured.md): side by side a step
takes up to a fifth less time where the weights are small, since XLA sees across the iterations and nothing is copied into the loop and out of it. Against
that stand the gradients of the weights, which are stacked in the end; the kernels of a long program, which start later; and the
time to compile, which grows with the number of nodes.
"""

from typing import Any

from dslc.graph import Graph
from dslc.ops.base import Lowering, moved
from dslc.ops.core._region import Region

LOOP, SIDE_BY_SIDE = "loop", "side by side"
COPIED, EDGES = 0.15, 0.4
"""Iterations that are saved side by side: of each, the share that goes into the loop and out of it; and of all once."""
STACKED = 3.5
"""How often the weights of an iteration are moved to stack their gradients."""
CACHED, FASTER = 2**22, 4
"""Bytes of all iterations' weights up to which that happens in the cache, and how much faster it is there."""
FEW = 6
"""Iterations up to which it showed in no measurement."""
MARGIN = 0.02
"""Of the time of a loop, what side by side has to save for the memory that it takes more, a tenth to four tenths."""
LATER = {"cpu": 3.4e-12}
"""Seconds that a program loses, times the third power of its kernels; on other platforms nothing of the kind was measured."""
KERNELS = 4
"""Of a node, forward and backward."""
COMPILING = 0.025
"""Seconds to compile a node with its gradient."""
FLOPS, BYTES, START = 3e11, 2e10, 3e-7
"""Operations and bytes a second, and seconds to start a kernel: they only tell a small iteration from a large one."""
SOURCES = ("input", "parameter", "state", "constant")


def lowerings(platform: str, body: Graph, count: int) -> tuple[Lowering, ...]:
    """Both ways to run a graph so many times."""
    nodes = _nodes(body)
    # With open sizes an iteration counts as a long one.
    seconds = _seconds(body, nodes) if _is_sized(body) else 1.0
    later = LATER.get(platform, 0.0) * (KERNELS * nodes * count) ** 3
    stacked = _stacking(body, count) if count > FEW and _is_sized(body) else 0.0
    beside = (1 - COPIED + MARGIN) * count * seconds - EDGES * seconds + count * stacked + later
    return Lowering(LOOP, count * seconds), Lowering(SIDE_BY_SIDE, beside, compiling=COMPILING * nodes * count)


def _stacking(body: Graph, count: int) -> float:
    """Seconds for the gradients of the weights of an iteration."""
    size = moved(*(node.type for node in body.sources("parameter")))
    return STACKED * size / (BYTES * FASTER if size * count <= CACHED else BYTES)


def _nodes(body: Graph) -> int:
    """Nodes that compute, those of a loop inside once."""
    inner = (_nodes(node.op.body) if isinstance(node.op, Region) else not node.op.view for node in _computing(body))
    return sum(inner)


def _computing(body: Graph) -> list[Any]:
    return [node for node in body if node.op.name not in SOURCES]


def _is_sized(body: Graph) -> bool:
    return all(isinstance(size, int) for node in body for type in node.types for size in type.shape)


def _seconds(body: Graph, nodes: int) -> float:
    """One iteration and its gradients: each product of the forward pass has two of its size."""
    costs = [
        node.op.cost(*(None if ref is None else body.type(ref) for ref in node.inputs)) for node in _computing(body)
    ]
    flops, size = sum(cost.flops for cost in costs), sum(cost.bytes for cost in costs)
    return 3 * flops / FLOPS + 3 * size / BYTES + KERNELS * nodes * START

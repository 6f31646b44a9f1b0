"""How long a training step takes, by a cost model with the speeds of this machine.

Every product takes its operations by the rate of products of its size; what is elementwise takes the bytes that it reads and
writes, and its operations; each kernel takes the time to start it.

Reference: Williams, Waterman and Patterson, 2009, Roofline: an insightful visual performance model.
"""

from collections.abc import Iterator

from dslc.estimate.calibrate import CURVED
from dslc.estimate.liveness import bytes_of, is_light, kernels
from dslc.estimate.speeds import Speeds
from dslc.graph import Graph, Node
from dslc.ops.core._region import Region
from dslc.ops.core.backward import Backward
from dslc.plan import Plan, Update

GATES, STARTS = 4, 8
"""Of a step of a recurrent layer: curves for each number, and kernels."""
SOURCES = ("input", "parameter", "state", "constant")


def step_seconds(plan: Plan, update: Update, joint: Graph, speeds: Speeds) -> float:
    """One update: its graph with the backward pass, and the change of the weights."""
    return plan.accumulate * graph_seconds(joint, speeds) + update_seconds(plan, update, speeds)


def graph_seconds(graph: Graph, speeds: Speeds) -> float:
    """A graph without open sizes, once."""
    starts = kernels(graph)
    return sum(_node(node, graph, speeds, node.name in starts) for node in graph if node.op.name not in SOURCES)


def update_seconds(plan: Plan, update: Update, speeds: Speeds) -> float:
    """Weights, gradient and what the optimizer keeps are read, and all but the gradient written."""
    sizes = [bytes_of(plan.graph.nodes[name].type) for name in update.weights]
    slots = update.optimizer.slots
    moved = sum(sizes) * (3 + 2 * slots)
    # All of them come round once a step: what matters is whether they stay in the cache together.
    return moved / speeds.bandwidth(sum(sizes) * (2 + slots)) + len(sizes) * speeds.start


def _node(node: Node, graph: Graph, speeds: Speeds, starts: bool) -> float:
    op = node.op
    if isinstance(op, Region):
        times = int(getattr(op, "count", 1))
        return times * (graph_seconds(op.body, speeds) + (speeds.start if times > 1 else 0))
    taken = [None if ref is None else graph.type(ref) for ref in node.inputs]
    flops, size = op.cost(*taken).flops, bytes_of(*node.types)
    if op.view:
        return 0.0
    if is_light(node, graph):
        seconds = flops / speeds.elementwise
        return seconds + (speeds.start + 2 * size / speeds.bandwidth(size) if starts else 0)
    moved = size + sum(bytes_of(graph.type(ref)) for ref in node.references())
    products, inner = (max(1, len(op.wrt)), op.of) if isinstance(op, Backward) else (1, op)
    if isinstance(op, Backward):
        moved += 2 * inner.ahead(*op.taken)
    if inner.family == "recurrent":
        return _recurrent(node, graph, speeds, flops, products)
    rate = speeds.convolution if inner.family == "conv" else speeds.product(flops / products)
    return flops / rate + moved / speeds.bandwidth(moved) + products * speeds.start


def _recurrent(node: Node, graph: Graph, speeds: Speeds, flops: int, products: int) -> float:
    """A layer that goes through a sequence: a product, the gates and a handful of kernels in each step."""
    taken = node.op.taken if isinstance(node.op, Backward) else [graph.type(ref) for ref in node.inputs if ref]
    sequence = taken[0]
    assert sequence is not None
    turns = int(sequence.shape[1]) if sequence.rank > 2 else 1  # pyright: ignore[reportArgumentType]
    gates = GATES * CURVED * max(bytes_of(*node.types), bytes_of(sequence)) / 4
    return flops / speeds.product(flops / products / turns) + gates / speeds.elementwise + turns * STARTS * speeds.start


def largest(graph: Graph, speeds: Speeds) -> Iterator[tuple[str, float]]:
    """Seconds by path, the slowest first."""
    starts, found = kernels(graph), dict[str, float]()
    for node in graph:
        if node.op.name not in SOURCES:
            path = node.path or node.name
            found[path] = found.get(path, 0) + _node(node, graph, speeds, node.name in starts)
    yield from sorted(found.items(), key=lambda item: -item[1])

"""How long a training step takes, by a cost model with the speeds of this machine.

Every product takes its operations by the rate of products of its size; what is elementwise takes the bytes that it reads and
writes, and its operations; each kernel takes the time to start it.

Reference: Williams, Waterman and Patterson, 2009, Roofline: an insightful visual performance model.
"""

from collections.abc import Iterator
from math import log2, prod

from dslc.bind import bind
from dslc.estimate.calibrate import CURVED
from dslc.estimate.liveness import bytes_of, is_light, kernels
from dslc.estimate.speeds import Speeds
from dslc.graph import Graph, Node
from dslc.ops.base import Op
from dslc.ops.core._region import Region
from dslc.ops.core._wrapper import unwrapped
from dslc.ops.core.backward import Backward
from dslc.plan import Plan, Update

STARTS = 3.5
"""Kernels for each gate in a turn of a recurrent layer; they read two arrays of the size of the state and write one."""
LOOP = 8
"""What the training loop itself takes in a step, in kernels: counters, sums, random keys, some of them for a number or two."""
SOURCES = ("input", "parameter", "state", "constant")


def step_seconds(plan: Plan, update: Update, joint: Graph, speeds: Speeds) -> float:
    """One update: its graph with the backward pass, and the change of the weights."""
    return plan.accumulate * graph_seconds(joint, speeds) + update_seconds(plan, update, speeds)


def loop_seconds(plan: Plan, rows: int | None, speeds: Speeds) -> float:
    """What a step takes besides its updates: the rows of its batch, its share of the order of an epoch, and the loop."""
    bound = bind(plan.graph, {"batch": plan.batch})
    taken = sum(int(node.type.size) for node in bound.sources("input")) / speeds.gathered  # pyright: ignore[reportArgumentType]
    order = rows * log2(rows) / speeds.sorted / (rows // plan.batch) if rows and rows >= plan.batch else 0.0
    return taken + order + LOOP * speeds.start


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
    inner = op.of if isinstance(op, Backward) else unwrapped(op)
    if inner.family == "norm":
        return _norm(node, graph, inner, speeds)
    if is_light(node, graph):
        seconds = flops / speeds.elementwise
        return seconds + (speeds.start + 2 * size / speeds.bandwidth(size) if starts else 0)
    moved = size + sum(bytes_of(graph.type(ref)) for ref in node.references())
    products = op.products if isinstance(op, Backward) else 1
    if isinstance(op, Backward):
        moved += 2 * inner.ahead(*op.taken)
    if inner.family == "recurrent":
        # Backward it goes through the states too, whoever wants the gradient by its input.
        return _recurrent(node, graph, speeds, flops // products, 2 if isinstance(op, Backward) else 1)
    if inner.family == "conv":
        computing = flops / speeds.convolution(_numbers(node, graph))
    else:
        computing = _products(node, graph, inner, flops // products, speeds) * products
    return computing + moved / speeds.bandwidth(moved) + products * speeds.start


def _products(node: Node, graph: Graph, inner: Op, flops: int, speeds: Speeds) -> float:
    """Rows by weights in one product, and tensors by each other in one for each example and head."""
    op = node.op
    taken = op.taken if isinstance(op, Backward) else [None if ref is None else graph.type(ref) for ref in node.inputs]
    x = taken[0] if taken else None
    if x is None or x.rank < 3:
        return flops / speeds.product(flops)
    sizes = [int(size) for size in x.shape]  # pyright: ignore[reportArgumentType]
    matrices = (weight.shape for weight in inner.weights(*taken).values() if len(weight.shape) > 1)
    by_weights = min(flops, 2 * prod(sizes[:-1]) * sum(prod(map(int, shape)) for shape in matrices))  # pyright: ignore[reportArgumentType]
    rest, pairs = flops - by_weights, prod(sizes[:-2]) * int(getattr(inner, "heads", 1))
    seconds = by_weights / speeds.product(by_weights)
    # What is left of an op with weights alone is a bias, an operation for each number.
    rate = speeds.attended if inner.family == "attention" else speeds.pairs
    return seconds + (rest / rate(rest / pairs) if rest > flops // 16 else 0.0)


def _norm(node: Node, graph: Graph, inner: Op, speeds: Speeds) -> float:
    """Statistics, which XLA reads the tensor for more than once, and what they scale: as long there as back."""
    op = node.op
    types = op.taken if isinstance(op, Backward) else [None if ref is None else graph.type(ref) for ref in node.inputs]
    numbers = sum(int(type.size) for type in types if type is not None)  # pyright: ignore[reportArgumentType]
    length = next((type.shape[-1] for type in types if type is not None and type.rank), 1)
    rate = speeds.across if inner.state(*types) else speeds.normed(int(length))  # pyright: ignore[reportArgumentType]
    return numbers / (2 * rate) + speeds.start


def _numbers(node: Node, graph: Graph) -> int:
    """Numbers in the kernel of a convolution; its backward rule has one of that size among what goes in or out."""
    if not isinstance(node.op, Backward):
        return max((int(graph.type(ref).size) for ref in node.weights.values()), default=1)  # pyright: ignore[reportArgumentType]
    weights = node.op.of.weights(*node.op.taken)
    return max((prod(weight.shape) for weight in weights.values()), default=1)  # pyright: ignore[reportArgumentType]


def _recurrent(node: Node, graph: Graph, speeds: Speeds, flops: int, products: int) -> float:
    """A layer that goes through a sequence: in each turn a product, and some curves and kernels for each gate."""
    op, inner = node.op, node.op.of if isinstance(node.op, Backward) else unwrapped(node.op)
    taken = op.taken if isinstance(op, Backward) else [None if ref is None else graph.type(ref) for ref in node.inputs]
    sequence, states = taken[0], (op.outputs if isinstance(op, Backward) else node.types)[0]
    assert sequence is not None
    turns = int(sequence.shape[1]) if sequence.rank > 2 else 1  # pyright: ignore[reportArgumentType]
    widest = max((int(weight.shape[-1]) for weight in inner.weights(*taken).values()), default=1)  # pyright: ignore[reportArgumentType]
    gates, size = max(1, widest // int(states.shape[-1])), bytes_of(states)  # pyright: ignore[reportArgumentType]
    curves, moved = gates * CURVED * size / 4, 3 * size / turns
    kernel = speeds.start + moved / speeds.bandwidth(moved)
    computing = products * flops / speeds.product(flops / turns) + curves / speeds.elementwise
    return computing + turns * gates * STARTS * kernel


def largest(graph: Graph, speeds: Speeds) -> Iterator[tuple[str, float]]:
    """Seconds by path, the slowest first."""
    starts, found = kernels(graph), dict[str, float]()
    for node in graph:
        if node.op.name not in SOURCES:
            path = node.path or node.name
            found[path] = found.get(path, 0) + _node(node, graph, speeds, node.name in starts)
    yield from sorted(found.items(), key=lambda item: -item[1])

"""The way back through a graph that is one node: it computes that graph again, and goes back through it there."""

from collections.abc import Sequence
from dataclasses import replace

from dslc.differentiate.flow import flow
from dslc.differentiate.forward import prepare
from dslc.differentiate.sweep import Sweep
from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.input import Input


def back(sweep: Sweep, node: Node, op: Enclosed, arrived: Sequence[int]) -> None:
    """Add the backward node, and hand on what it gives."""
    inputs = dict(zip(op.given, node.inputs, strict=True))
    outside = {name: ref for name, ref in {**inputs, **node.weights}.items() if ref in sweep.reached}
    body = _joint(op.body, list(outside), arrived)
    sources = [ref for ref in node.inputs if ref is not None]
    now = sweep.forward.now
    gradients = [sweep.total_or_zeros(Ref(node.name, place)) for place in arrived]
    weights = {name: sweep.fetch(now(ref)) for name, ref in node.weights.items() if name in body.nodes}
    types = tuple(body.type(ref) for ref in body.outputs.values())
    given = (*(sweep.fetch(now(ref)) for ref in sources), *gradients)
    made = sweep.add(node, "gradient", Enclosed(body, again=True), given, types, weights)
    for place, ref in enumerate(outside.values()):
        assert ref is not None
        sweep.arrive(ref, Ref(made.node, place))


def _joint(body: Graph, wrt: Sequence[str], arrived: Sequence[int]) -> Graph:
    """The body, and its backward pass from the gradients of the outputs `arrived` to those of its sources `wrt`."""
    results = list(body.outputs.values())
    reached = flow(body, wrt, [results[place] for place in arrived])
    forward = prepare(body, reached)
    builder = Builder(f"{body.name}.gradient")
    builder.nodes = dict(forward.graph.nodes)
    starts = [_input(builder, body, place) for place in arrived]
    sweep = Sweep(forward, reached, builder, lambda ref: ref, starts[0])
    for place, start in zip(arrived, starts, strict=True):
        sweep.arrive(results[place], start)
    sweep.run()
    outputs = {f"gradient of {name}": sweep.total_or_zeros(Ref(name)) for name in wrt}
    # What comes in is the same as in the forward node, then the gradients.
    first = [node.name for node in body.sources("input")] + [ref.node for ref in starts]
    nodes = {name: builder.nodes[name] for name in first} | builder.nodes
    joint = Graph(builder.name, nodes, outputs)
    return replace(joint, nodes={**{name: nodes[name] for name in first}, **joint.live().nodes})


def _input(builder: Builder, body: Graph, place: int) -> Ref:
    ref = list(body.outputs.values())[place]
    type = body.type(ref)
    name = builder.fresh(f"{body.name}.{place}.gradient")
    return builder.add(Node(name, Input(type.dtype, type.shape), types=(type,), path=name))

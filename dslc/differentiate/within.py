"""A derivative inside of a graph that is being built: one more tensor in it, and so part of what may follow."""

from dslc.differentiate.flow import flow
from dslc.differentiate.forward import prepare
from dslc.differentiate.sweep import Sweep
from dslc.graph import Builder, Node, Ref
from dslc.ops.core.filled import Filled


def within(builder: Builder, of: Ref, by: Ref) -> Ref | None:
    """The derivative of a float scalar by a tensor, added to the graph; None when the scalar does not depend on it."""
    graph = builder.graph()
    reached = flow(graph, [by], [of])
    if of not in reached or by not in reached:
        return None
    forward = prepare(graph, reached)
    builder.nodes = dict(forward.graph.nodes)
    builder.updates = dict(forward.graph.updates)
    last, type = graph.nodes[of.node], graph.type(of)
    made = Node(f"{of.node}.gradient.start", Filled(1.0, type, type), (of,), {}, (type,), last.path, last.span)
    start = builder.add(made)
    sweep = Sweep(forward, reached, builder, lambda ref: ref, start)
    sweep.arrive(of, start)
    sweep.run(by)
    return sweep.total(by)

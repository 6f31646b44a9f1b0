"""A `scan` while it is built: the graph of one step, what its cells carry, and the region that all of it becomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.build.frame import Frame
from dslc.build.initial import choose
from dslc.build.scope import Env
from dslc.build.values import Skip, Tensor
from dslc.dims import Size
from dslc.errors.cells import KeptInLoop
from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.source import Span
from dslc.types import Type


@dataclass
class Carried:
    """What a cell hands from one step to the next."""

    name: str
    span: Span
    input: Ref
    """In the graph of one step: the value before it."""
    start: Ref
    """In the graph around: the value before the first step."""
    type: Type
    next: Ref | None = None
    """In the graph of one step: the value after it."""


@dataclass
class Loop:
    """The scan that a cell is applied in."""

    around: Frame
    """The graph that the scan stands in: what is carried starts there."""
    frame: Frame
    """The graph of one step."""
    like: Tensor
    """A tensor that is piped in: what starts as a number takes its precision."""
    carried: list[Carried] = field(default_factory=list[Carried])

    def carry(self, name: str, start: Tensor, span: Span) -> Tensor:
        """The value of a carry in the present step."""
        made = self.frame.input(self.frame.builder.fresh(f"{name}.before"), start.type, span)
        self.carried.append(Carried(name, span, made, self.around.ref(start), start.type))
        return self.frame.tensor(made)

    def region(
        self, env: Env, rows: Sequence[tuple[Tensor, Ref]], made: Sequence[Tensor], count: Size, reverse: bool, span: Span
    ) -> list[Tensor]:  # fmt: skip
        """All steps as one node; gives what they put out, stacked along a first axis.

        Args:
            rows: tensors of the graph around, cut along their first axis, and what stands for a slice in a step.
            made: what one step puts out.
        """
        if any(one.next is None for one in self.carried):
            raise Skip  # its block has said so
        results = [one.next for one in self.carried] + [self.frame.ref(tensor) for tensor in made]
        self.frame.builder.outputs = {str(place): ref for place, ref in enumerate(results) if ref is not None}
        before = [one.input for one in self.carried]
        body = _in_order(
            self.frame.builder.graph(), [*before, *self.frame.captured.values(), *(slice for _, slice in rows)]
        )
        kind: Any = OPS["repeat"]
        captured = tuple(self.frame.captured)
        op = kind(body=body, count=count, carried=len(before), captured=len(captured), reverse=reverse)
        inputs = (*(one.start for one in self.carried), *captured, *(env.frame.ref(tensor) for tensor, _ in rows))
        types = op.infer(*(env.frame.builder.type(ref) for ref in inputs))
        path = env.place.join(self.frame.builder.name)
        ref = env.frame.builder.add(Node(path, op, inputs, {}, types, path, span, (), env.blocks))
        places = range(len(before), len(types))
        return [Tensor(Ref(ref.node, place), types[place], env.frame) for place in places]


def _in_order(graph: Graph, inputs: Sequence[Ref]) -> Graph:
    """The graph with its inputs in front, in this order."""
    first = {ref.node: graph.nodes[ref.node] for ref in inputs}
    return replace(graph, nodes={**first, **graph.nodes})


def enclose(env: Env, frame: Frame, made: Sequence[Tensor], span: Span) -> list[Tensor]:
    """A frame, and the tensors it makes, as one node of the graph around; its weights and states stand there as well."""
    frame.builder.outputs = {str(place): frame.ref(tensor) for place, tensor in enumerate(made)}
    body = choose(_in_order(frame.builder.graph(), list(frame.captured.values())))
    weights = {node.name: _outside(env, node) for kind in ("parameter", "state") for node in body.sources(kind)}
    kind: Any = OPS["enclosed"]
    op = kind(body=body)
    types = tuple(tensor.type for tensor in made)
    states = tuple(body.nodes[name].type for name in body.updates)
    path = frame.builder.name
    node = Node(path, op, tuple(frame.captured), weights, types + states, path, span, (), env.blocks)
    ref = env.frame.builder.add(node)
    for position, name in enumerate(body.updates):
        env.frame.builder.updates[weights[name].node] = Ref(ref.node, len(types) + position)
    return [Tensor(Ref(ref.node, position), type, env.frame) for position, type in enumerate(types)]


def _outside(env: Env, inner: Node) -> Ref:
    """The weight of a body in the graph that its place belongs to."""
    owner = env.place.frame
    if inner.op.name == "state" and owner is not env.frame and env.build.keeps:
        raise env.fail(KeptInLoop(inner.span, inner.name))
    if inner.name not in owner.builder.nodes:
        owner.builder.add(inner)
    return env.frame.ref(owner.tensor(Ref(inner.name)))

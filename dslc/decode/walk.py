"""Walks a graph along the positions of a sequence: each node as it is at a few of them.

A tensor either has the positions along an axis, and then depends on those up to each one alone; or it does not depend on the
sequence at all, and is whole. What an op keeps of earlier positions comes in and goes out as tensors of the graph.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dslc.dims import NotDivisible
from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops._time import Across, Axis, Passage
from dslc.ops.core.input import Input
from dslc.ops.core.present import Present
from dslc.ops.core.stepped import Stepped
from dslc.types import Type
from dslc.verify import Broken, result_types


class Blocked(Exception):
    """A node cannot be computed position by position.

    `ahead`: it surely reads positions behind the present one, so that the model is not causal.
    """

    def __init__(self, node: Node, reason: str, ahead: bool = False) -> None:
        super().__init__(f"`{node.path or node.name}` ({node.op.name}) {reason}")
        self.node, self.reason, self.ahead = node, reason, ahead


@dataclass(frozen=True)
class Keeping:
    """A tensor that is kept from one run of positions to the next."""

    name: str
    """Of the input that it comes in by, where something came before."""
    type: Type
    axis: Axis
    """The runs add their entries along this axis; None: each replaces the whole."""
    now: Ref
    """What the present run adds, or puts in its place."""


Region = Callable[["Walk", Node], bool]
OFFSET = "offset"
SCALAR = Type((), "i32")


class Walk:
    """One graph at a run of positions.

    Args:
        whole: the graph with all positions, every size an int.
        part: the same graph with the sizes of the run: its settings count where nodes have the positions.
        length: positions in the run.
        first: nothing came before the run.
        region: sees to a node that holds a graph, and says whether it was one.
    """

    def __init__(self, whole: Graph, part: Graph, length: int, first: bool, region: "Region") -> None:
        self.whole, self.part, self.length, self.first, self.region = whole, part, length, first, region
        self.builder = Builder(whole.name)
        self.time: dict[Ref, Axis] = {}
        self.keeping: list[Keeping] = []
        self.over: set[Ref] = set()
        """What is known after the last position only."""

    def run(self, given: Mapping[str, Axis]) -> None:
        """All nodes, from the axes of the positions of the inputs."""
        inputs = [node for node in self.whole if node.op.name == "input"]
        for node in inputs:
            self._input(node.name, self.at(node.type, given.get(node.name)), node)
            self.time[Ref(node.name)] = given.get(node.name)
        self._input(OFFSET, SCALAR)
        for node in self.whole:
            if node.op.name != "input":
                self._node(node)

    def at(self, type: Type, axis: Axis) -> Type:
        """The type of a tensor with these positions alone."""
        return type if axis is None else type.with_shape(*type.shape[:axis], self.length, *type.shape[axis + 1 :])

    def _input(self, name: str, type: Type, like: Node | None = None) -> Ref:
        op = Input(type.dtype, type.shape)
        node = Node(name, op, types=(type,)) if like is None else replace(like, op=op, types=(type,))
        return self.builder.add(node)

    def _node(self, node: Node) -> None:
        refs = list(node.references())
        if late := next((ref for ref in refs if ref in self.over), None):
            raise Blocked(node, f"reads what `{late.node}` gives after the last position", ahead=True)
        if all(self.time.get(ref) is None for ref in refs):
            self.builder.nodes[node.name] = node
            return
        if any(self.time.get(ref) is not None for ref in node.weights.values()):
            raise Blocked(node, "has weights that are worked out at each position")
        if not self.region(self, node):
            self._plain(node)

    def _plain(self, node: Node) -> None:
        node = replace(node, inputs=(*node.inputs, *_left_out(node)))
        time = tuple(self.axes(node.inputs))
        types = tuple(None if ref is None else self.whole.type(ref) for ref in node.inputs)
        found = node.op.in_time(time, *types)
        if isinstance(found, Across):
            raise Blocked(node, found.reason, found.ahead)
        inputs = tuple(self.cut(node, ref, axis) for ref, axis in zip(node.inputs, _padded(found, node), strict=True))
        op: Any = self.part.nodes[node.name].op
        if found.memory is None:
            made = self.put(replace(node, op=op, inputs=inputs))
        else:
            stepped = Stepped(op, self.length, self.first, time, types)
            made = self.keep(replace(node, op=stepped, inputs=inputs), found)
        for place, axis in enumerate(found.outputs):
            wanted = self.at(node.types[place], axis)
            if made.types[place].shape != wanted.shape:
                raise Blocked(node, f"gives {made.types[place]} where {wanted} is one run of positions")
            self.time[Ref(made.name, place)] = axis

    def keep(self, node: Node, passage: Passage) -> Node:
        """A node whose op keeps something: what came before goes in, and what is to be kept comes out."""
        memory = dict(passage.memory or {})
        names = [self.bring(f"{node.name}.kept.{name}", kept.type) for name, kept in memory.items()]
        came = () if self.first else tuple(map(Ref, names))
        made = self.put(replace(node, inputs=(*node.inputs, Ref(OFFSET), *came)))
        for place, (name, kept) in enumerate(zip(names, memory.values(), strict=True), len(passage.outputs)):
            self.keeping.append(Keeping(name, kept.type, kept.axis, Ref(made.name, place)))
        return made

    def bring(self, name: str, type: Type) -> str:
        """The name under which something is kept; where something came before, an input has it."""
        return name if self.first else self._input(name, type).node

    def put(self, node: Node) -> Node:
        """A node at the end of the graph, its types worked out."""
        try:
            types = result_types(self.builder.graph(), node)
        except (Broken, NotDivisible) as problem:
            raise Blocked(node, f"does not take a run of positions: {problem}") from problem
        made = replace(node, types=types)
        self.builder.nodes[made.name] = made
        return made

    def room(self, name: str, type: Type) -> None:
        """An input for what the first run writes into."""
        self._input(name, type)

    def cut(self, node: Node, ref: Ref | None, axis: Axis) -> Ref | None:
        """The present positions of a tensor that has them along an axis, and does not depend on the sequence."""
        if ref is None or axis is None:
            return ref
        name = self.builder.fresh(f"{ref.node}.present")
        op = Present(axis, self.length)
        return Ref(self.put(Node(name, op, (ref, Ref(OFFSET)), path=node.path, span=node.span)).name)

    def axes(self, refs: tuple[Ref | None, ...]) -> Iterator[Axis]:
        """Where tensors have the positions."""
        return (None if ref is None else self.time.get(ref) for ref in refs)


def _padded(passage: Passage, node: Node) -> tuple[Axis, ...]:
    return (*passage.cuts, *[None] * (len(node.inputs) - len(passage.cuts)))


def _left_out(node: Node) -> tuple[None, ...]:
    """What stands for the last inputs of an op, where a pass has left them out."""
    wanted = node.op.inputs()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in wanted):
        return ()
    return (None,) * (len(wanted) - len(node.inputs))

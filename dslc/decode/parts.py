"""The programs of a model that writes on: what does not depend on the text, the first run of positions, and one position."""

from dataclasses import dataclass, replace

from dslc.bind import Unfit, bind, dims_of
from dslc.decode.needed import needed
from dslc.decode.regions import region
from dslc.decode.walk import OFFSET, Blocked, Walk
from dslc.graph import Graph, Node, Ref
from dslc.ops.core.kept import Kept
from dslc.ops.core.parameter import Parameter
from dslc.optimize import optimize
from dslc.types import Type
from dslc.verify import verify

BEFORE = ("drop_identities", "recognize_attention", "recognize_softmax")
"""Passes that find, in what an author wrote out, ops that know how they go along the positions; and take dropout away."""
WEIGHTS = ("parameter", "state", "constant")


@dataclass(frozen=True)
class Part:
    """A graph for a run of positions, and apart from it what does not depend on the text."""

    once: Graph
    """From inputs besides the text to tensors by name, which `rest` takes as weights."""
    rest: Graph
    """From the text, `offset` and what is kept, to the output and what is to be kept, under the same names."""
    kept: dict[str, Type]


@dataclass(frozen=True)
class Decoder:
    """Makes the graphs of a model for any run of positions.

    Args:
        graph: the model, with one output.
        text: its input that has the positions, along axis 1.
        shapes: of all inputs; that of the text says how many positions there may be.
    """

    graph: Graph
    text: str
    shapes: dict[str, tuple[int, ...]]

    @property
    def context(self) -> int:
        """The most positions."""
        return self.shapes[self.text][1]

    def part(self, length: int, first: bool) -> Part:
        """The graph of a run of so many positions.

        Shapes: text `[batch, length]` to `[batch, length, classes]`.

        Raises:
            Blocked: at the first node that cannot be computed so.
        """
        whole = self._bound(self.context)
        walk = Walk(whole, self._bound(length), length, first, region)
        walk.run({self.text: 1})
        (name, ref), *_ = whole.outputs.items()
        if ref in walk.over or walk.time.get(ref) != 1:
            raise Blocked(whole.nodes[ref.node], "has no output for each position")
        kept = {one.name: one.type for one in walk.keeping}
        return _parted(self._kept(walk, name, ref), (self.text, OFFSET, *kept), kept)

    def _bound(self, length: int) -> Graph:
        dims = dims_of(self.graph, self.shapes)
        # An input of a fixed length has no name to bind: its run is as long as `Walk` makes it.
        if not isinstance(self.graph.nodes[self.text].type.shape[1], int):
            try:
                dims |= dims_of(self.graph, {self.text: (self.shapes[self.text][0], length)})
            except Unfit as problem:
                raise Blocked(self.graph.nodes[self.text], f"does not take a run of positions: {problem}") from problem
        return bind(self.graph, dims)

    def _kept(self, walk: Walk, name: str, ref: Ref) -> Graph:
        """The graph of a walk, with all that is kept among its inputs and outputs."""
        outputs = {name: ref}
        for one in walk.keeping:
            if one.axis is None:
                outputs[one.name] = one.now
                continue
            if walk.first:
                walk.room(one.name, one.type)
            into = walk.builder.fresh(f"{one.name}.now")
            node = Node(into, Kept(one.axis), (Ref(one.name), one.now, Ref(OFFSET)), path=walk.whole.name)
            outputs[one.name] = Ref(walk.put(node).name)
        return Graph(walk.whole.name, walk.builder.nodes, outputs)


def decoder(graph: Graph, text: str, output: str, shapes: dict[str, tuple[int, ...]]) -> Decoder:
    """What computes an output of a model position by position of one of its inputs."""
    alone = needed(replace(graph, outputs={output: graph.outputs[output]}, updates={}))
    made, _ = optimize(alone, "inference", BEFORE)
    return Decoder(made, text, shapes)


def _parted(graph: Graph, inputs: tuple[str, ...], kept: dict[str, Type]) -> Part:
    """What depends neither on weights alone nor on these inputs is worked out once."""
    graph = graph.live()
    moving = _moving(graph, inputs)
    still = [node for node in graph if node.name not in moving]
    light = _of_weights(graph)
    read = {ref for node in graph if node.name in moving for ref in node.references()}
    split = {ref: f"{ref.node}.{ref.output}.once" for ref in read if ref.node not in moving and ref.node not in light}
    once = Graph(graph.name, {node.name: node for node in still}, {name: ref for ref, name in split.items()})
    given = {ref: Ref(name) for ref, name in split.items()}
    nodes = {name: _weight(graph, ref, name) for ref, name in split.items()}
    nodes |= {node.name: _reading(node, given) for node in graph if node.name in moving or node.name in light}
    rest = Graph(graph.name, nodes, graph.outputs)
    return Part(verify(once.live()), verify(rest), kept)


def _moving(graph: Graph, inputs: tuple[str, ...]) -> set[str]:
    """These inputs and the nodes that they reach."""
    found = set(inputs)
    for node in graph:
        if any(ref.node in found for ref in node.references()):
            found.add(node.name)
    return found


def _of_weights(graph: Graph) -> set[str]:
    """The nodes that depend on weights alone: passes and `prepare` see to them."""
    found: set[str] = set()
    for node in graph:
        before = [ref.node in found for ref in node.references()]
        if node.op.name in WEIGHTS or (before and all(before)):
            found.add(node.name)
    return found


def _weight(graph: Graph, ref: Ref, name: str) -> Node:
    type = graph.type(ref)
    shape = tuple(int(size) for size in type.shape)  # pyright: ignore[reportArgumentType]  # every size is known here
    return Node(name, Parameter(shape, type.dtype), types=(type,), path=name)


def _reading(node: Node, given: dict[Ref, Ref]) -> Node:
    inputs = tuple(None if ref is None else given.get(ref, ref) for ref in node.inputs)
    return replace(node, inputs=inputs, weights={role: given.get(ref, ref) for role, ref in node.weights.items()})

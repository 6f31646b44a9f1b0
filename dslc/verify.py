"""Checks that a graph hangs together: what a stage hands on, and what a pass made of it."""

from dslc.dims import same
from dslc.graph import Graph, Node, Ref
from dslc.ops.base import Mismatch, Op
from dslc.types import Type


class Broken(Exception):
    """A graph that does not hang together: a mistake of the compiler, never of a `.net` file."""

    def __init__(self, node: str, what: str) -> None:
        super().__init__(f"`{node}`: {what}")
        self.node, self.what = node, what


def verify(graph: Graph) -> Graph:
    """The graph itself: its order, references, weights and types hold, in the bodies of its regions as well.

    Raises:
        Broken: at the first node where they do not.
    """
    seen: dict[str, Node] = {}
    for name, node in graph.nodes.items():
        if node.name != name:
            raise Broken(name, f"is filed under a name that is not its own, `{node.name}`")
        before = Graph(graph.name, seen, {})
        for ref in node.references():
            _known(name, ref, before)
        _weights_fit(node, before)
        _types_fit(node, result_types(before, node))
        seen[name] = node
        for body in bodies(node.op).values():
            verify(body)
    for name, ref in (*graph.outputs.items(), *graph.updates.items()):
        _known(name, ref, graph)
    for name, ref in graph.updates.items():
        if name not in graph.nodes or not _alike(graph.nodes[name].type, graph.type(ref)):
            raise Broken(name, "is updated, and is no node of the type of its next value")
    return graph


def result_types(graph: Graph, node: Node) -> tuple[Type, ...]:
    """Types of a node by its op's rule: the outputs, then the next values of its state.

    Raises:
        Broken: when the op refuses the types of its inputs.
    """
    types = input_types(graph, node)
    try:
        found: Type | tuple[Type, ...] = node.op.infer(*types)
        state = node.op.state(*types)
    except Mismatch as problem:
        raise Broken(node.name, problem.reason) from problem
    outputs = found if isinstance(found, tuple) else (found,)
    return (*outputs, *(Type(weight.shape, weight.dtype) for weight in state.values()))


def input_types(graph: Graph, node: Node) -> tuple[Type | None, ...]:
    """Types of the inputs of a node, None for one left out."""
    for ref in node.references():
        _known(node.name, ref, graph)
    return tuple(None if ref is None else graph.type(ref) for ref in node.inputs)


def bodies(op: Op) -> dict[str, Graph]:
    """The graphs that an op holds, by field."""
    held = ((field.name, getattr(op, field.name)) for field in op.settings())
    return {name: value for name, value in held if isinstance(value, Graph)}


def _known(reader: str, ref: Ref, graph: Graph) -> None:
    if ref.node not in graph.nodes:
        raise Broken(reader, f"reads `{ref.node}`, which does not stand before it")
    if ref.output >= len(graph.nodes[ref.node].types):
        raise Broken(reader, f"reads output {ref.output} of `{ref.node}`, which has {len(graph.nodes[ref.node].types)}")


def _weights_fit(node: Node, graph: Graph) -> None:
    types = input_types(graph, node)
    try:
        wanted = {**node.op.weights(*types), **node.op.state(*types)}
    except Mismatch as problem:
        raise Broken(node.name, problem.reason) from problem
    if wanted.keys() != node.weights.keys():
        raise Broken(node.name, f"wants the weights {sorted(wanted)}, and gets {sorted(node.weights)}")
    for role, weight in wanted.items():
        given = graph.type(node.weights[role])
        if not _alike(Type(weight.shape, given.dtype), given):
            raise Broken(node.name, f"wants `{role}` of shape {list(weight.shape)}, and gets {given}")


def _types_fit(node: Node, found: tuple[Type, ...]) -> None:
    if len(found) != len(node.types) or not all(map(_alike, found, node.types)):
        raise Broken(node.name, f"has the types {_text(node.types)}, and its op gives {_text(found)}")


def _alike(one: Type, other: Type) -> bool:
    """Equal, as far as is known: an author's assertion may say more than the rule."""
    return (
        one.dtype == other.dtype
        and one.rank == other.rank
        and all(same(*sizes) is not False for sizes in zip(one.shape, other.shape, strict=True))
    )


def _text(types: tuple[Type, ...]) -> str:
    return ", ".join(map(str, types)) or "none"

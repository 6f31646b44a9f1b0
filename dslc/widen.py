"""A graph in float64: what its algebra says, next to which the rounding of float32 can be told from a mistake."""

from dataclasses import replace
from typing import Any

from dslc.graph import Graph, Node
from dslc.ops.base import Op
from dslc.ops.core.constant import Constant
from dslc.ops.core.wide import Wide
from dslc.passes._edit import changed
from dslc.types import Type
from dslc.verify import bodies, input_types


def widened(graph: Graph) -> Graph:
    """The graph with float64 in the place of float32: in sources, settings, types and the bodies of regions.

    To be given arrays of float64, in JAX's mode of 64 bits. Names stay, so draws are the same. Arithmetic on numbers alone
    keeps the roundings of float32, which are part of the program: a pass may have done it already.
    """
    nodes: dict[str, Node] = {}
    made = replace(graph, nodes=nodes)  # a node looks its inputs up among those before it
    known: set[str] = set()
    for node in graph:
        if isinstance(node.op, Constant) or _is_of(node, known):
            known.add(node.name)
        nodes[node.name] = _node(made, node, single=_is_of(node, known))
    return made


def _is_of(node: Node, known: set[str]) -> bool:
    """Whether a node reads such nodes and nothing else."""
    read = [ref.node for ref in node.references()]
    return bool(read) and not node.op.random and known.issuperset(read)


def _node(before: Graph, node: Node, single: bool) -> Node:
    op = _op(node.op)
    if single and not bodies(op):
        return replace(node, op=Wide(op, single=True), types=tuple(map(_value, node.types)))
    found = op.infer(*input_types(before, node))
    outputs: tuple[Type, ...] = found if isinstance(found, tuple) else (found,)
    if any(type.dtype == "f32" for type in outputs):
        op = Wide(op)
    return replace(node, op=op, types=tuple(map(_value, node.types)))


def _op(op: Op) -> Op:
    settings = {field.name: getattr(op, field.name) for field in op.settings()}
    wide = {name: "f64" if name == "dtype" and value == "f32" else _value(value) for name, value in settings.items()}
    return op if wide == settings else changed(op, **wide)


def _value(value: Any) -> Any:
    match value:
        case Type(dtype="f32"):
            return value.with_dtype("f64")
        case Graph():
            return widened(value)
        case Op():
            return _op(value)
        case tuple():
            return tuple(_value(part) for part in value)  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value

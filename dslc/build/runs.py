"""Iterations of a `repeat` beside each other: whether they are one graph, but for numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS, Op

Slot = tuple[str, str]
"""A node of the body, and the setting of it that is another number in each iteration."""


def numbers(first: Graph, other: Graph) -> Mapping[Slot, tuple[float, float]] | str:
    """The numbers in which a graph differs from the first one; or what else is different, in words."""
    if list(first.nodes) != list(other.nodes) or first.outputs != other.outputs or first.updates != other.updates:
        return "its layers are others"
    found: dict[Slot, tuple[float, float]] = {}
    for name, node in first.nodes.items():
        differs = _differs(node, other.nodes[name])
        if isinstance(differs, str):
            return differs
        found |= {(name, setting): pair for setting, pair in differs.items()}
    return found


def _differs(node: Node, other: Node) -> Mapping[str, tuple[float, float]] | str:
    if node == other:
        return {}
    if replace(node, op=other.op, types=other.types) != other or type(node.op) is not type(other.op):
        return f"`{node.path}` is another layer"
    if node.types != other.types:
        return f"`{node.path}` is {node.types[0]} before and {other.types[0]} here"
    found: dict[str, tuple[float, float]] = {}
    for one in fields(node.op):  # pyright: ignore[reportArgumentType]
        pair = getattr(node.op, one.name), getattr(other.op, one.name)
        if pair[0] == pair[1]:
            continue
        changed = _numbers(one.name, *pair) if one.name in _scanned(node.op) else {}
        if not changed:
            return f"`{one.name}` of `{node.path}` is {pair[0]} before and {pair[1]} here"
        found |= changed
    return found


def _numbers(name: str, before: Any, here: Any) -> dict[str, tuple[float, float]]:
    """The numbers in which a setting differs, by its name, or by place in a list: `items.0`; empty where it is no number."""
    if isinstance(before, tuple) and isinstance(here, tuple) and len(before) == len(here):  # pyright: ignore[reportUnknownArgumentType]
        pairs: dict[str, Any] = {
            f"{name}.{place}": pair for place, pair in enumerate(zip(before, here, strict=True)) if pair[0] != pair[1]
        }  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    else:
        pairs = {name: (before, here)}
    kinds = {type(value) for pair in pairs.values() for value in pair}
    return pairs if kinds in ({int}, {float}) else {}


def _scanned(op: Op) -> Sequence[str]:
    return ("value",) if op.name == "constant" else op.numbers


def dtype_of(op: Op, setting: str) -> str:
    """The dtype of the array that a number of a setting becomes."""
    name, _, place = setting.partition(".")
    value = getattr(op, name)
    return "i32" if isinstance(value[int(place)] if place else value, int) else "f32"


def with_numbers(body: Graph, slots: Sequence[Slot]) -> tuple[Graph, list[str]]:
    """The body with an input in place of each of these settings, and the names of the inputs."""
    nodes, inputs = dict(body.nodes), list[str]()
    for name, setting in slots:
        node = nodes[name]
        # A constant becomes the input itself.
        made = name if node.op.name == "constant" else f"{name}.{setting}"
        dtype = node.type.dtype if node.op.name == "constant" else dtype_of(getattr(node.op, "of", node.op), setting)
        nodes[made] = _number(made, dtype, node)
        inputs.append(made)
        if made != name:
            nodes[name] = _numbered(node, setting, Ref(made))
    sources = {name: node for name, node in nodes.items() if node.op.name == "input" and name not in inputs}
    ordered = {**sources, **{name: nodes[name] for name in inputs}, **nodes}
    return replace(body, nodes=ordered), inputs


def _number(name: str, dtype: str, like: Node) -> Node:
    kind: Any = OPS["input"]
    op: Op = kind(dtype=dtype, shape=())
    return replace(like, name=name, op=op, inputs=(), weights={}, types=(op.infer(),), labels=())


def _numbered(node: Node, setting: str, number: Ref) -> Node:
    kind: Any = OPS["numbered"]
    which = (*getattr(node.op, "which", ()), setting)
    return replace(node, op=kind(getattr(node.op, "of", node.op), which), inputs=(*node.inputs, number))

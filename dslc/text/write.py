"""Writes a graph as text."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field
from typing import Any, cast

from dslc.catalogue import Entry
from dslc.dims import Dim
from dslc.graph import Graph, Node, Ref
from dslc.source import NOWHERE
from dslc.types import Type

RESERVED = ("as", "in", "path", "with", "graph", "output", "update", "true", "false", "none", "inf", "nan")
INDENT = "  "


def to_text(graph: Graph) -> str:
    """The graph as text, a line for each node."""
    return f"graph {_name(graph.name)} {_body(graph, '')}\n"


def _body(graph: Graph, indent: str) -> str:
    inner = indent + INDENT
    lines = [node_text(node, inner) for node in graph]
    lines += [f"output {_slot(name)}{_unless_same(name, ref)}" for name, ref in graph.outputs.items()]
    lines += [f"update {_name(name)}{_unless_same(name, ref)}" for name, ref in graph.updates.items()]
    return "\n".join(("{", *(inner + line for line in lines), indent + "}"))


def node_text(node: Node, indent: str = "") -> str:
    """One node; more than one line when its op holds a graph."""
    types = ", ".join(map(str, node.types)) or "()"
    regions = [field for field in node.op.settings() if isinstance(getattr(node.op, field.name), Graph)]
    line = f"{_name(node.name)} : {types} = {_entry(node.op, indent, regions)}"
    if node.inputs:
        line += " " + ", ".join("none" if ref is None else _ref(ref) for ref in node.inputs)
    if node.weights:
        line += "; " + ", ".join(_name(role) + _unless_same(role, ref) for role, ref in node.weights.items())
    return "  ".join((line, *_details(node), *(_region(node, field, indent) for field in regions)))


def op_text(op: Entry) -> str:
    """An op with its settings: equal for equal ops alone."""
    return _entry(op, "")


def _details(node: Node) -> Iterator[str]:
    if node.labels:
        yield "as " + ", ".join(map(_name, node.labels))
    if node.blocks:
        yield "in " + ", ".join(map(_name, node.blocks))
    if node.path != usual_path(node.name):
        yield f"path {_name(node.path)}"
    if node.span != NOWHERE:
        file = node.span.file if re.fullmatch(r'[^\s":]+', node.span.file) else json.dumps(node.span.file)
        yield f"@ {file}:{node.span.start}..{node.span.end}"


def usual_path(name: str) -> str:
    """The second use of a shared layer has the path of the first."""
    return re.sub(r"@\d+$", "", name)


def _region(node: Node, field: Field[Any], indent: str) -> str:
    body: Graph = getattr(node.op, field.name)
    return f"with {field.name} {_name(body.name)} {_body(body, indent)}"


def _entry(entry: Entry, indent: str, left_out: Iterable[Field[Any]] = ()) -> str:
    """A member of a catalogue with the fields that differ from their defaults."""
    arguments = [
        f"{field.name} = {value}"
        for field in entry.settings()
        if field not in left_out and (value := _value(getattr(entry, field.name), indent)) != _default(field)
    ]
    return f"{entry.name}({', '.join(arguments)})"


def _default(field: Field[Any]) -> str | None:
    if field.default is not MISSING:
        return _value(field.default, "")
    return None if field.default_factory is MISSING else _value(field.default_factory(), "")


def _value(value: Any, indent: str) -> str:
    match value:
        case None | bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Dim():
            return str(value) if _is_plain(str(value)) else f"`{value}`"
        case Type():
            return str(value)
        case tuple():
            items = [_value(item, indent) for item in cast("tuple[Any, ...]", value)]
            return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
        case Entry():
            return _entry(value, indent)
        case Graph():
            return f"graph {_name(value.name)} {_body(value, indent)}"
        case _:
            raise TypeError(f"a field of a {type(value).__name__} has no text form")


def _ref(ref: Ref) -> str:
    return _name(ref.node) + (f"[{ref.output}]" if ref.output else "")


def _unless_same(name: str, ref: Ref) -> str:
    return "" if ref == Ref(name) else f" = {_ref(ref)}"


def _slot(name: str) -> str:
    return name if re.fullmatch(r"0|[1-9][0-9]*", name) else _name(name)


def _name(name: str) -> str:
    return name if _is_plain(name) else json.dumps(name, ensure_ascii=False)


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[^\W\d]\w*([.@:][\w*]+)*", name) is not None and re.split(r"[.@:]", name)[0] not in RESERVED

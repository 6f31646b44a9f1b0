"""Reads a graph from its text."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from dslc.catalogue import Catalogue, Entry
from dslc.dims import parse_size
from dslc.graph import Graph, Node, Ref
from dslc.initializers.base import INITIALIZERS
from dslc.ops.base import OPS
from dslc.source import NOWHERE, Span
from dslc.text.write import usual_path
from dslc.types import Type
from dslc.verify import Broken, result_types

if TYPE_CHECKING:
    from lark import Lark

CATALOGUES: tuple[Catalogue[Any], ...] = (OPS, INITIALIZERS)
"""Where the members that a field may hold are found."""


Part: TypeAlias = Any
"""A tree or token of Lark's, whose types say of no child which of the two it is."""


class BadText(ValueError):
    """A text that is not a graph; the message gives the line."""


def from_text(text: str) -> Graph:
    """The graph of a text: equal to the one that `to_text` wrote.

    Raises:
        BadText: when the text is not a graph.
    """
    from lark import UnexpectedInput  # noqa: PLC0415  # only who reads graphs waits for it

    try:
        tree: Part = _parser().parse(text)  # pyright: ignore[reportUnknownMemberType]
    except UnexpectedInput as problem:
        raise BadText(f"line {problem.line}: not the text of a graph\n{problem.get_context(text)}") from problem
    (graph,) = tree.children
    return _graph(*graph.children)


@cache
def _parser() -> "Lark":
    from lark import Lark  # noqa: PLC0415

    inside = Path(__file__).parent.parent / "grammar" / "graph.lark"
    file = inside if inside.exists() else Path(__file__).parents[2] / "grammar" / "graph.lark"
    return Lark(file.read_text(encoding="utf-8"), parser="lalr", maybe_placeholders=False, propagate_positions=True)


def _graph(name: Part, *items: Part) -> Graph:
    nodes: dict[str, Node] = {}
    named: dict[str, dict[str, Ref]] = {"output": {}, "update": {}}
    for item in items:
        try:
            if item.data == "node":
                node = _node(item, nodes)
                _put(nodes, node.name, node)
            else:
                _put(named[item.data], *_pair(item))
        except BadText:
            raise
        except (Broken, ValueError, TypeError) as problem:
            raise BadText(f"line {item.meta.line}: {problem}") from problem
    return Graph(_name(name), nodes, named["output"], named["update"])


def _put(found: dict[str, Any], name: str, value: Any) -> None:
    if name in found:
        raise ValueError(f"`{name}` is given twice")
    found[name] = value


def _node(tree: Part, before: dict[str, Node]) -> Node:
    parts: dict[str, Any] = {}
    regions: dict[str, Graph] = {}
    for part in tree.children:
        if _kind(part) == "region":
            _put(regions, str(part.children[0]), _graph(*part.children[1:]))
        else:
            _put(parts, _kind(part), part)
    name = _name(parts["name"])
    inputs = tuple(None if part.data == "none" else _ref(part) for part in _children(parts, "inputs"))
    weights = dict(_pair(part) for part in _children(parts, "weights"))
    op = _entry(parts["call"], (OPS,), regions)
    types = tuple(Type.parse(text) for text in _children(parts, "types") if text != "()")
    path = _name(parts["path"].children[0]) if "path" in parts else usual_path(name)
    labels, blocks = (tuple(map(_name, _children(parts, kind))) for kind in ("labels", "blocks"))
    node = Node(name, op, inputs, weights, types, path, _span(parts.get("SPAN")), labels, blocks)
    return node if "types" in parts else _completed(node, before)


def _completed(node: Node, before: dict[str, Node]) -> Node:
    """The node with its types, and with none for each of the optional inputs that are left out at the end."""
    known = node.op.inputs()
    if all(parameter.kind is not parameter.VAR_POSITIONAL for parameter in known):
        node = replace(node, inputs=(*node.inputs, *(None for _ in known[len(node.inputs) :])))
    return replace(node, types=result_types(Graph("", before, {}), node))


def _kind(part: Any) -> str:
    return getattr(part, "data", None) or part.type


def _children(parts: dict[str, Any], kind: str) -> list[Part]:
    return parts[kind].children if kind in parts else []


def _name(tree: Part) -> str:
    (token,) = tree.children
    return json.loads(token) if token.startswith('"') else str(token)


def _ref(tree: Part) -> Ref:
    name, *output = tree.children
    return Ref(_name(name), int(output[0]) if output else 0)


def _pair(tree: Part) -> tuple[str, Ref]:
    """A name and what it refers to: the node of this name when nothing is said."""
    name, *ref = tree.children
    return _name(name), _ref(ref[0]) if ref else Ref(_name(name))


def _span(token: Part | None) -> Span:
    if token is None:
        return NOWHERE
    file, _, places = token[1:].strip().rpartition(":")
    start, end = places.split("..")
    return Span(json.loads(file) if file.startswith('"') else file, int(start), int(end))


def _entry(tree: Part, catalogues: tuple[Catalogue[Any], ...], regions: dict[str, Graph]) -> Any:
    name, *arguments = tree.children
    cls = _member(str(name), catalogues)
    hints = cls.setting_types()
    order = (field for field in hints if field not in regions)
    given: dict[str, Any] = dict(regions)
    for argument in arguments:
        field, value = argument.children if _kind(argument) == "named" else (next(order, "more"), argument)
        _put(given, str(field), _value(value, hints.get(field)))
    unknown = [field for field in given if field not in hints]
    missing = [field.name for field in cls.settings() if _is_needed(field) and field.name not in given]
    if unknown or missing:
        raise ValueError(
            f"`{name}` has no field `{unknown[0]}`" if unknown else f"`{name}` needs the field `{missing[0]}`"
        )
    return cls(**given)


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _member(name: str, catalogues: tuple[Catalogue[Any], ...]) -> type[Entry]:
    for catalogue in catalogues:
        try:
            return catalogue[name]
        except KeyError:
            continue
    raise ValueError(f"there is no {catalogues[0].what} `{name}`")


def _value(part: Any, hint: Any) -> Any:
    match _kind(part):
        case "INT":
            return int(part)
        case "FLOAT":
            return float(part)
        case "TYPE":
            return Type.parse(part)
        case "string":
            return json.loads(part.children[0])
        case "size":
            return parse_size(part.children[0].strip("`"))
        case "values":
            return tuple(_value(item, hint) for item in part.children)
        case "call":
            return _entry(part, _catalogues(hint), {})
        case "graph":
            return _graph(*part.children)
        case word:
            return {"true": True, "false": False, "none": None}[word]


def _catalogues(hint: Any) -> tuple[Catalogue[Any], ...]:
    """Where the member is found that a field of this annotation holds: an initializer and an op may share a name."""
    held = [part for part in _classes(hint) if isinstance(part, type)]
    fitting = (catalogue for catalogue in CATALOGUES if any(issubclass(part, catalogue.base) for part in held))
    return tuple(fitting) or CATALOGUES


def _classes(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from _classes(part)

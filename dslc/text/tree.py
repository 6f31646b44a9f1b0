"""Writes a syntax tree as text: a line for each node, its parts below it."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from dslc.parse.tree import Name, Tree


def tree_text(tree: Tree) -> str:
    """The tree, with plain fields behind the kind of a node and its children indented."""
    return "\n".join(_lines(tree, "")) + "\n"


def _lines(tree: Tree, lead: str) -> Iterator[str]:
    plain: list[str] = []
    children: list[tuple[str, Any]] = []
    for field in fields(tree):
        value = getattr(tree, field.name)
        if field.name in ("span", "at") or value is None or value == ():
            continue
        if isinstance(value, Name):
            plain.append(f"{field.name} = {value.text}")
        elif isinstance(value, Tree) or (isinstance(value, tuple) and isinstance(value[0], Tree)):
            children.append((field.name, value))
        else:
            plain.append(f"{field.name} = {value!r}")
    indent = " " * (len(lead) - len(lead.lstrip()))
    yield f"{lead}{type(tree).__name__}{' ' * bool(plain)}{', '.join(plain)}  @ {tree.span.start}..{tree.span.end}"
    for name, value in children:
        for part in value if isinstance(value, tuple) else (value,):
            yield from _lines(part, f"{indent}  {name}: ")

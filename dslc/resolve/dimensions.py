"""The dimensions that the types of a file name: what `--dim` can give a size."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from dslc.catalogue import nearest
from dslc.errors.base import Problems
from dslc.errors.bind import UnknownDimension
from dslc.parse import tree
from dslc.resolve import Program
from dslc.resolve.imports import reached
from dslc.source import Span


def require_known(program: Program, problems: Problems) -> None:
    """Add a problem for every size of the command line whose dimension no type of the file names."""
    if not program.dims:
        return
    named = {name for part, _ in reached(program, problems) for name in _named(part.file.parts)}
    known = tuple(sorted({"batch", *named}))
    for name in program.dims:
        if name not in known:
            problems.add(UnknownDimension(Span(program.source.name, 0, 0), name, nearest(name, known), known))


def _named(item: Any, in_type: bool = False) -> Iterator[str]:
    match item:
        case tuple():
            for part in item:  # pyright: ignore[reportUnknownVariableType]
                yield from _named(part, in_type)
        case tree.Name() if in_type:
            yield item.text
        case tree.Tree():
            for field in fields(item):
                yield from _named(getattr(item, field.name), in_type or isinstance(item, tree.TypeTree))
        case _:
            return

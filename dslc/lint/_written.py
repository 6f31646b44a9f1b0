"""What a file writes and reads, by name."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from dslc.parse import tree


def parts(item: Any) -> Iterator[tree.Tree]:
    """A piece of syntax and all pieces in it."""
    todo: list[Any] = [item]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple):
            todo += reversed(part)
        elif isinstance(part, tree.Tree):
            yield part
            todo += [getattr(part, name) for name in _fields(type(part))]


@cache
def _fields(kind: type[tree.Tree]) -> tuple[str, ...]:
    """Where other pieces may stand, the last one first."""
    return (*(name for name in reversed(kind.__dataclass_fields__) if name not in ("span", "at")),)


def reads(item: Any) -> Counter[str]:
    """How often each name is read: wherever a name stands that does not give itself."""
    given = {id(name) for part in parts(item) for name in gives(part)}
    found: Counter[str] = Counter()
    for part in parts(item):
        if isinstance(part, tree.Name) and id(part) not in given:
            found[part.text] += 1
    return found


def gives(item: tree.Tree) -> tuple[tree.Name, ...]:
    """The names that a piece of syntax gives; that of an output is read by whoever applies the block."""
    match item:
        case tree.Assign() | tree.Repeat():
            return item.names
        case tree.Output(value=tree.Tree()):
            return item.names
        case tree.Declaration() | tree.LayerStatement() | tree.Parameter() | tree.Step():
            return (item.name,)
        case tree.Block() | tree.Variant() | tree.Section():
            return (item.name,)
        case tree.Import(name=tree.Name() as name):
            return (name,)
        case tree.Stage(label=tree.Name() as label):
            return (label,)
        case tree.Bound():
            return (item.name,)
        case _:
            return ()

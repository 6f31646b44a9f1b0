"""Masks that compare positions: which query sees which key, read off the comparison."""

from typing import NamedTuple, cast

from dslc.dims import same
from dslc.graph import Node, Ref
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.greater import Greater
from dslc.ops.arithmetic.greater_equal import GreaterEqual
from dslc.ops.arithmetic.less import Less
from dslc.ops.arithmetic.less_equal import LessEqual
from dslc.ops.arithmetic.subtract import Subtract
from dslc.ops.core.index import Index
from dslc.ops.shape.broadcast import Broadcast
from dslc.ops.shape.cast import Cast
from dslc.ops.source.range import Range
from dslc.passes._edit import Edit
from dslc.passes._terms import number

COMPARISONS = (GreaterEqual, Greater, LessEqual, Less)
QUERY, KEY = -2, -1
WHOLE = (None, None, None)


class Line(NamedTuple):
    """Positions counted up along one axis, counted from the end, from a number on."""

    axis: int
    start: float = 0.0


class Reach(NamedTuple):
    """A comparison that holds where the query's position less the key's is at least, or at most, a number."""

    least: bool
    by: float


def is_causal(edit: Edit, mask: Ref, scores: Ref, visible: bool = True) -> bool:
    """Whether a mask shows (or else hides) to each query of the scores just the keys up to its own position."""
    reach, wide, needed = _reach(edit, mask), edit.type(mask).shape, edit.type(scores).shape[-2:]
    if reach is None or len(wide) < len(needed) or any(size != 1 for size in wide[:-2]):
        return False
    if not all(same(*pair) for pair in zip(wide[-2:], needed, strict=True)):
        return False
    return reach == (Reach(least=True, by=0.0) if visible else Reach(least=False, by=-1.0))


def _reach(edit: Edit, mask: Ref) -> Reach | None:
    node = edit.producer(mask)
    if node is None or not isinstance(node.op, COMPARISONS):
        return None
    a, b = (None if ref is None else _line(edit, ref) for ref in node.inputs)
    if a is None or b is None or {a.axis, b.axis} != {QUERY, KEY}:
        return None
    # `a > b` of integers is `a - b >= 1`.
    least, step = isinstance(node.op, Greater | GreaterEqual), float(isinstance(node.op, Greater | Less))
    if a.axis == QUERY:
        by = b.start - a.start
        return Reach(least, by + step if least else by - step)
    by = a.start - b.start
    return Reach(not least, by - step if least else by + step)


def _line(edit: Edit, ref: Ref) -> Line | None:
    """The axis along which a tensor counts positions, if it does."""
    node = edit.producer(ref)
    if node is None:
        return None
    if isinstance(node.op, Range):
        return Line(-1)
    before = None if not node.inputs or node.inputs[0] is None else _line(edit, node.inputs[0])
    if isinstance(node.op, Add | Subtract) and len(node.inputs) == 2:
        return _moved(edit, node)
    if before is None:
        return None
    if isinstance(node.op, Index):
        return _indexed(node.op.items, before, node.type.rank)
    return before if isinstance(node.op, Cast | Broadcast) and node.type.dtype != "bool" else None


def _moved(edit: Edit, node: Node) -> Line | None:
    a, b = node.inputs
    if a is None or b is None:
        return None
    sign = 1.0 if isinstance(node.op, Add) else -1.0
    line, by = _line(edit, a), number(edit, b)
    if line is None and sign > 0:
        line, by = _line(edit, b), number(edit, a)
    return None if line is None or by is None else Line(line.axis, line.start + sign * by)


def _indexed(items: tuple[object, ...], before: Line, rank: int) -> Line | None:
    """The line after an index that adds axes, or leaves positions out at the ends."""
    at = items.index("...") if "..." in items else len(items)
    named = [*items[:at], *items[at + 1 :]]
    axes = [*items[:at], *[WHOLE] * (rank - len(named)), *items[at + 1 :]]
    kept = [place for place, item in enumerate(axes) if item != "none"]
    if not all(isinstance(item, tuple) for item in axes if item != "none"):
        return None
    start, _, step = cast("tuple[object, object, object]", axes[kept[before.axis]])
    if step not in (None, 1) or not (start is None or (isinstance(start, int) and start >= 0)):
        return None
    return Line(kept[before.axis] - rank, before.start + (start or 0))

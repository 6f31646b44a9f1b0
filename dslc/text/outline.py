"""Graphs in short: a line for each node that computes, and two graphs beside each other."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import MISSING
from difflib import SequenceMatcher

from dslc.graph import Graph, Node
from dslc.ops.base import Op
from dslc.ops.core._region import Region
from dslc.ops.core.repeat import Repeat
from dslc.text.write import op_text

SILENT = ("parameter", "state")
ALIKE = 4
"""So many equal lines are shown; of more, the first and the last."""


def outline(graph: Graph, indent: str = "") -> list[str]:
    """Nodes in order, weights left out; the body of a region is indented."""
    lines: list[str] = []
    for node in graph:
        if isinstance(node.op, Region):
            lines.append(f"{indent}{node.name} : {_types(node)} = {_times(node.op)} {{")
            lines += [*outline(node.op.body, f"{indent}  "), f"{indent}}}"]
        elif node.op.name not in SILENT:
            read = " ".join("none" if ref is None else ref.node for ref in node.inputs)
            lines.append(f"{indent}{node.name} : {_types(node)} = {_op(node.op)} {read}".rstrip())
    return lines


def _times(op: Region) -> str:
    if not isinstance(op, Repeat):
        return op.name
    return f"{op.count} x{', side by side' if op.unroll else ', at once' if op.batched else ''}"


def _op(op: Op) -> str:
    """The op as the language writes it: without the names of the settings that have no default."""
    if op.name == "input":  # its type says it all
        return op.name
    text = op_text(op).removesuffix("()")
    for field in op.settings():
        if field.default is not MISSING or field.default_factory is not MISSING:
            break
        text = re.sub(rf"([(] ?|, ){field.name} = ", r"\1", text, count=1)
    return text


def _types(node: Node) -> str:
    return ", ".join(map(str, node.types)) or "()"


def beside(left: Sequence[str], right: Sequence[str], columns: int) -> Iterator[str]:
    """Two lists of lines in two columns, equal lines on one row, long runs of them cut."""
    half = (columns - 3) // 2
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            rows = list(zip(left[a:b], right[c:d], strict=True))
            note = f"... {len(rows) - 2} lines alike"
            rows = rows if len(rows) <= ALIKE else [rows[0], (note, note), rows[-1]]
            mark = "|"
        else:
            count = max(b - a, d - c)
            rows = list(zip(_padded(left[a:b], count), _padded(right[c:d], count), strict=True))
            mark = "*"
        yield from (f"{_cut(one, half):<{half}} {mark} {_cut(other, half)}".rstrip() for one, other in rows)


def _padded(lines: Sequence[str], count: int) -> list[str]:
    return [*lines, *([""] * (count - len(lines)))]


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 3]}..."

"""Statements below each other, with their names, types and `=` in columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lark import Token, Tree

from dslc.format.document import Doc, IfBroken, cat, lay_out
from dslc.format.expressions import INDENT, Expressions, Item, first, is_word, tokens

DECLARING = {"declaration", "output", "next", "layer"}
"""Statements that begin with a keyword and a name."""
KEYWORD = len("output")
"""Columns that their keywords take; the names of other statements in the same paragraph take as many."""
ENDLESS = 1 << 30
SEVERAL = "several names"


@dataclass(frozen=True)
class Row:
    """A statement as cells that are aligned with those of its neighbours, and what stands before and behind them."""

    kind: str
    """Rows of one kind are aligned; without one a row stands by itself."""
    lead: Doc
    cells: tuple[str, ...]
    rest: Doc

    def followed(self) -> int:
        """How many of the cells have something behind them."""
        return len(self.cells) - (self.rest == "")


def aligned(layout: Expressions, statements: Sequence[Item], apart: Sequence[bool]) -> Iterator[Doc]:
    """The statements of a body, where `apart` says which have an empty line or a comment above them."""
    numbers: list[int] = []
    for gap in apart:
        numbers.append(numbers[-1] + gap if numbers else 0)
    for _, pairs in groupby(zip(numbers, statements, strict=True), key=lambda pair: pair[0]):
        yield from _paragraph(layout, [item for _, item in pairs])


def _paragraph(layout: Expressions, statements: Sequence[Item]) -> Iterator[Doc]:
    least = KEYWORD if any(isinstance(item, Tree) and item.data in DECLARING for item in statements) else 0
    rows = [_row(layout, item) for item in statements]
    start = 0
    while start < len(rows):
        kind, end = rows[start].kind, start + 1
        while end < len(rows) and kind and rows[end].kind in {kind, SEVERAL}:
            end += 1
        run = [row for row in rows[start:end] if row.kind == kind]
        columns = max(row.followed() for row in run)
        widths = [max(len(row.cells[at]) for row in run if row.followed() > at) for at in range(columns)]
        if kind == "=":
            widths = [max(least, *widths)]
        yield from (_printed(row, widths if row.kind == kind else []) for row in rows[start:end])
        start = end


def _printed(row: Row, widths: Sequence[int]) -> Doc:
    """Cells filled up where the body has a line for each statement."""
    parts: list[Doc] = [row.lead]
    for at, cell in enumerate(row.cells):
        parts.append(cell)
        if at < row.followed():
            parts += [IfBroken(" " * (widths[at] - len(cell))), " "] if widths else [" "]
    return cat(*parts, row.rest)


def _row(layout: Expressions, item: Item) -> Row:
    if isinstance(item, Tree) and item.data in {"assign", "mapping"}:
        return _assigned(layout, item)
    if isinstance(item, Tree) and item.data in DECLARING:
        return _declared(layout, item)
    if isinstance(item, Tree) and item.data == "variant":
        return _variant(layout, item)
    return Row("", "", (), layout.doc(item))


def _assigned(layout: Expressions, item: Tree[Token]) -> Row:
    left, *rest = item.children
    text = _text(layout, [left])
    behind = _value(layout, rest)
    if text is None:
        return Row("", "", (), cat(layout.doc(left), " ", behind))
    return Row(SEVERAL if "," in text and item.data == "assign" else "=", "", (text,), behind)


def _declared(layout: Expressions, item: Tree[Token]) -> Row:
    """`input name: type = value` and its like."""
    keyword, *others = item.children
    lead = cat(layout.doc(keyword), IfBroken(" " * (KEYWORD - len(first(keyword)))), " ")
    at = next((number for number, part in enumerate(others) if is_word(part, "=")), len(others))
    head, rest = others[:at], _value(layout, others[at:])
    colon = next((number + 1 for number, part in enumerate(head) if is_word(part, ":")), len(head))
    cells = [_text(layout, part) for part in (head[:colon], head[colon:]) if part]
    texts = [cell for cell in cells if cell is not None]
    if layout.word(keyword).behind or len(texts) < len(cells):
        return Row("", lead, (), cat(layout.apart(head), *[" "] * (rest != ""), rest))
    return Row(f"{first(keyword)} with {len(cells)}", lead, (*texts,), rest)


def _variant(layout: Expressions, item: Tree[Token]) -> Row:
    """`variant name of model(...)`."""
    keyword, name, *others = item.children
    text = _text(layout, [name])
    if text is None or layout.word(keyword).behind:
        return Row("", "", (), layout.apart(item.children))
    return Row("variant", cat(layout.doc(keyword), " "), (text,), layout.apart(others))


def _value(layout: Expressions, items: Sequence[Item]) -> Doc:
    """`= pipe`, whose further lines are indented."""
    if not items:
        return ""
    *words, last = items
    pipe = layout.pipe(last, INDENT) if isinstance(last, Tree) and last.data == "pipe" else layout.doc(last)
    return cat(layout.apart(words), " ", pipe)


def _text(layout: Expressions, items: Sequence[Item]) -> str | None:
    """Some words as text of one line; None when a comment stands among them, or a comma that gives each a line."""
    for token in tokens(items):
        word = layout.word(token)
        if word.behind or (word.above and token.start_pos not in layout.lifted):
            return None
    page = lay_out(layout.apart(items), ENDLESS)
    return page.lines[0] if len(page.lines) == 1 else None

"""The parts of a file and the statements in them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lark import Token, Tree

from dslc.format.columns import aligned
from dslc.format.document import Doc, IfBroken, Line, Newline, cat, group, lay_out, nest
from dslc.format.expressions import INDENT, Expressions, first, is_word
from dslc.format.words import Comment, Word

ARROW = "   "
"""As wide as `-> `: the head of a chain on several lines stands above its stages."""
BEHIND = "  "
"""What stands between code and a comment behind it, at least."""


@dataclass(frozen=True)
class Piece:
    """A part of a file, or a comment between two, as lines."""

    lines: Sequence[str]
    blank: bool
    """An empty line stands before it."""
    kind: str = ""
    """The rule of a part."""
    remarks: Mapping[int, str] = field(default_factory=dict[int, str])

    def parts_from(self, before: "Piece") -> bool:
        """Whether an empty line belongs between this and what stands before: around what takes several lines."""
        if self.blank or self.kind == before.kind == "variant":
            return self.blank
        return len(before.lines) > 1 or (len(self.lines) > 1 and before.kind != "")


class Layout(Expressions):
    """Makes documents of statements and parts."""

    def rule_braces(self, tree: Tree[Token]) -> Doc:
        """A body of statements: on one line if it is written so and fits, else a line for each."""
        opened, *body, closed = tree.children
        tall = any(self.word(item).newline for item in (*body, closed))
        above = [self.above(item, not number) for number, item in enumerate(body)]
        statements = [*aligned(self, body, [bool(lines) for lines in above])]
        last = self.closing(closed, not body)
        if not tall:
            flat: list[Doc] = [piece for one in statements for piece in (Line("  "), one)]
            flat[:1] = [Line()] * bool(flat)
            return group(self.doc(opened), nest(INDENT, *flat), *[Line()] * bool(flat), self.doc(closed))
        inside = [piece for lines, one in zip(above, statements, strict=True) for piece in (*lines, Newline(), one)]
        end = [Newline()] * bool(inside or last or self.word(opened).behind)
        return cat(self.doc(opened), nest(INDENT, *inside, *last), *end, self.doc(closed))

    def rule_block(self, tree: Tree[Token]) -> Doc:
        """A chain stands behind `=`, or on lines of its own below."""
        at = next((number for number, item in enumerate(tree.children) if is_word(item, "=")), None)
        if at is None:
            return self.apart(tree.children)
        chain = tree.children[at + 1]
        assert isinstance(chain, Tree)
        below = Newline() if self.word(chain).newline else Line()
        stages = group(IfBroken(ARROW), self.pipe(chain, 0))
        return cat(self.apart(tree.children[: at + 1]), group(nest(INDENT, below, stages)))

    def pieces(self, file: Tree[Token], end: Word) -> Iterator[Piece]:
        """The parts of a file and the comments between them."""
        for part in file.children:
            self.lifted.add(first(part).start_pos or 0)
        gaps = [self.word(part).blank or bool(self.word(part).above) for part in file.children]
        for part, doc in zip(file.children, aligned(self, file.children, gaps), strict=True):
            yield from _comments(self.word(part).above)
            page = lay_out(doc)
            yield Piece(page.lines, self.word(part).blank, part.data if isinstance(part, Tree) else "", page.remarks)
        yield from _comments(end.above)


def _comments(above: Sequence[Comment]) -> Iterator[Piece]:
    yield from (Piece((comment.text,), comment.blank) for comment in above)


def joined(pieces: Iterator[Piece]) -> str:
    """The text of a file: empty lines stand around each part that takes several lines."""
    lines: list[str] = []
    remarks: dict[int, str] = {}
    before: Piece | None = None
    for piece in pieces:
        if before and piece.parts_from(before):
            lines.append("")
        remarks |= {len(lines) + number: text for number, text in piece.remarks.items()}
        lines += piece.lines
        before = piece
    for number, text, column in _columns(lines, remarks):
        lines[number] += " " * (column - len(lines[number])) + BEHIND + text
    return "".join(f"{line}\n" for line in lines)


def _columns(lines: Sequence[str], remarks: Mapping[int, str]) -> Iterator[tuple[int, str, int]]:
    """Comments behind code with the column where their lines end; on lines below each other it is the same."""
    run: list[int] = []
    for number in [*sorted(remarks), len(lines) + 1]:
        if run and number != run[-1] + 1:
            column = max(len(lines[one]) for one in run)
            yield from ((one, remarks[one], column) for one in run)
            run = []
        run.append(number)

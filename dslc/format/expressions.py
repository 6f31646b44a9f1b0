"""Trees of the parser as documents: words, lists in brackets, operators, pipes and what stands in braces behind a stage.

The methods get every token of a rule, so that no word of the grammar can be forgotten: a rule without a method here is
printed with its words one space apart.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from lark import Token, Tree

from dslc.format.document import Blank, Doc, Line, Newline, Remark, align, cat, fill, group, nest
from dslc.format.words import Comment, Word

Item: TypeAlias = Tree[Token] | Token
INDENT = 2
RANKS = ({"or"}, {"and"}, {"+", "-"}, {"*", "/", "//", "%", "@"})


def first(item: Item) -> Token:
    """The first token of a tree."""
    while not isinstance(item, Token):
        item = item.children[0]
    return item


def tokens(items: Sequence[Item]) -> list[Token]:
    """The tokens of some trees, in no order."""
    found: list[Token] = []
    todo: list[Item] = [*items]
    while todo:
        item = todo.pop()
        if isinstance(item, Token):
            found.append(item)
        else:
            todo += item.children
    return found


def is_word(item: Item, *texts: str) -> bool:
    return isinstance(item, Token) and item.value in texts


class Expressions:
    """Makes documents of the trees of one file."""

    def __init__(self, words: Mapping[int, Word]) -> None:
        self.words = words
        self.lifted: set[int] = set()
        """Words whose comments above stand in a document already."""

    def word(self, item: Item) -> Word:
        return self.words[first(item).start_pos or 0]

    def doc(self, item: Item) -> Doc:
        if isinstance(item, Token):
            word = self.word(item)
            above = () if item.start_pos in self.lifted else word.above
            behind = (Remark(word.behind, own=False),) if word.behind else ()
            return cat(*(Remark(comment.text, own=True) for comment in above), word.text, *behind)
        rule: Callable[[Tree[Token]], Doc] | None = getattr(self, f"rule_{item.data}", None)
        return rule(item) if rule else self.apart(item.children)

    def apart(self, items: Sequence[Item]) -> Doc:
        """One behind the other with a space between them, but for settings and what stands before a comma or colon."""
        parts: list[Doc] = []
        for item in items:
            tight = is_word(item, ",", ":", ";") or (
                isinstance(item, Tree) and item.data in {"arguments", "parameters"}
            )
            parts += [" ", self.doc(item)] if parts and not tight else [self.doc(item)]
        return cat(*parts)

    def tight(self, tree: Tree[Token]) -> Doc:
        return cat(*map(self.doc, tree.children))

    rule_dotted = rule_call = rule_attribute = rule_range = rule_slice = rule_minus = tight

    # Comments

    def comments(self, above: Sequence[Comment], begins: bool) -> list[Doc]:
        """Comments on lines of their own; an empty line before one is kept, but where a body begins."""
        found: list[Doc] = []
        for number, comment in enumerate(above):
            if comment.blank and (number or not begins):
                found.append(Blank())
            found += [Newline(), Remark(comment.text, own=True)]
        return found

    def above(self, item: Item, begins: bool) -> list[Doc]:
        """What stands above a statement: comments and empty lines."""
        word = self.word(item)
        self.lifted.add(first(item).start_pos or 0)
        blank = word.blank and (bool(word.above) or not begins)
        return [*self.comments(word.above, begins), *[Blank()] * blank]

    def closing(self, closed: Item, begins: bool) -> list[Doc]:
        """The comments before a closing bracket, as lines of what it closes."""
        self.lifted.add(first(closed).start_pos or 0)
        return self.comments(self.word(closed).above, begins)

    # Lists

    def listed(self, items: Sequence[Item], alone: bool = False) -> Doc:
        """What stands between brackets, filled into lines; a comma at the end or a comment gives each item a line.

        `alone` says that a single item may have a comma behind it, and is a tuple by it.
        """
        opened, *inside, closed = items
        parts: list[Doc] = []
        for item in inside:
            doc = self.doc(item)
            if is_word(item, ","):
                parts[-1] = cat(parts[-1], doc)
            else:
                parts.append(doc)
        last = self.closing(closed, not parts)
        tall = bool(inside) and is_word(inside[-1], ",") and not (alone and len(parts) == 1)
        remarks = any(self.word(token).above or self.word(token).behind for token in tokens(inside))
        if tall or remarks or last or self.word(opened).behind:
            lines = [piece for part in parts for piece in (Newline(), part)]
            return cat(self.doc(opened), nest(INDENT, *lines, *last), Newline(), self.doc(closed))
        return cat(self.doc(opened), align(fill(parts, (Line(),) * (len(parts) - 1))), self.doc(closed))

    def rule_list(self, tree: Tree[Token]) -> Doc:
        return self.listed(tree.children)

    rule_arguments = rule_parameters = rule_list

    def rule_parentheses(self, tree: Tree[Token]) -> Doc:
        return self.listed(tree.children, alone=True)

    def rule_types(self, tree: Tree[Token]) -> Doc:
        return self.listed(tree.children) if len(tree.children) > 1 else self.doc(tree.children[0])

    def rule_index(self, tree: Tree[Token]) -> Doc:
        """`x[:, 0]`; a type, `f32[batch, d]`, is laid out in the same way."""
        at = next(number for number, item in enumerate(tree.children) if is_word(item, "["))
        return cat(*map(self.doc, tree.children[:at]), self.listed(tree.children[at:]))

    rule_type = rule_index

    # Operators

    def rule_binary(self, tree: Tree[Token]) -> Doc:
        """Operators of one rank stand at the beginnings of lines when they do not fit on one."""
        rank = _rank(tree)
        chain: list[Item] = []
        left: Item = tree
        while isinstance(left, Tree) and rank and _rank(left) == rank:
            left, operator, right = left.children
            chain += [right, operator]
        if not chain:
            return self.apart(tree.children)
        chain.reverse()
        pairs = zip(chain[::2], chain[1::2], strict=True)
        return group(
            self.doc(left), nest(INDENT, *(cat(Line(), self.doc(sign), " ", self.doc(one)) for sign, one in pairs))
        )

    rule_disjunction = rule_conjunction = rule_binary

    # Pipes

    def rule_pipe(self, tree: Tree[Token]) -> Doc:
        return align(self.pipe(tree, 0))

    def pipe(self, tree: Tree[Token], further: int) -> Doc:
        """Stages on one line as far as they fit; a line break before an arrow that was written is kept.

        Lines that begin with an arrow stand `further` columns to the right.
        """
        head, *rest = tree.children
        items: list[Doc] = [nest(-further, self.doc(head)) if further else align(self.doc(head))]
        breaks: list[Line | Newline] = []
        for arrow, stage in zip(rest[::2], rest[1::2], strict=True):
            breaks.append(Newline() if self.word(arrow).newline else Line())
            items.append(cat(self.doc(arrow), " ", align(self.doc(stage))))
        return nest(further, fill(items, breaks))

    def stage(self, tree: Tree[Token]) -> Doc:
        """A stage, its label, and behind a colon with spaces the type it is said to give."""
        parts = [piece for item in tree.children for piece in (" ", self.doc(item))]
        return cat(*parts[1:])

    rule_head = rule_stage = stage

    def rule_item(self, tree: Tree[Token]) -> Doc:
        """`name = pipe`, or a pipe alone."""
        *words, last = tree.children
        if not words or not isinstance(last, Tree) or last.data != "pipe":
            return self.apart(tree.children)
        return cat(self.apart(words), " ", self.pipe(last, INDENT))

    rule_parameter = rule_item

    # Bodies of stages

    def braced(self, tree: Tree[Token]) -> Doc:
        """`if`, `else`, `repeat` and combinators: words, and bodies in braces."""
        parts: list[Doc] = []
        items = tree.children
        at = 0
        while at < len(items):
            start = at
            if is_word(items[at], "{"):
                while not is_word(items[at], "}"):
                    at += 1
            at += 1
            doc = self.body(items[start:at]) if at > start + 1 else self.doc(items[start])
            parts += [" ", doc] if parts and not is_word(items[start], ",") else [doc]
        return cat(*parts)

    rule_combinator = rule_branch = rule_repeat = braced

    def body(self, items: Sequence[Item]) -> Doc:
        """`{ pipe; pipe }`: on one line if it is written so and fits, else a line for each branch."""
        opened, *inside, closed = items
        starts = [item for before, item in pairwise(items) if is_word(before, "{", ";")]
        end = Newline() if any(self.word(item).newline for item in (*starts, closed)) else Line()
        parts: list[Doc] = []
        for item in inside:
            if is_word(item, ";"):
                parts.append(self.doc(item))
                continue
            self.lifted.add(first(item).start_pos or 0)
            remarks = (Remark(comment.text, own=True) for comment in self.word(item).above)
            parts += [end, *remarks, *[Newline()] * bool(self.word(item).above), self.doc(item)]
        return group(self.doc(opened), nest(INDENT, *parts, *self.closing(closed, begins=False)), end, self.doc(closed))


def _rank(tree: Tree[Token]) -> set[str]:
    """The operators that bind as tightly as this one; none for comparisons and powers, which are not broken."""
    if len(tree.children) != 3 or not isinstance(tree.children[1], Token):
        return set()
    sign = tree.children[1].value
    return next((rank for rank in RANKS if sign in rank), set())

"""The words of a file with the comments around them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lark import Token, Tree

COMMENT_OR_STRING = re.compile(r'(?P<comment>#[^\n]*)|"(?:\\.|[^"\\\n])*"')


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own."""

    text: str
    blank: bool
    """An empty line stands before it."""


@dataclass(frozen=True, slots=True)
class Word:
    """A token and what stands around it."""

    text: str
    newline: bool
    """It begins a line."""
    blank: bool
    above: tuple[Comment, ...] = ()
    behind: str = ""


def tokens(parsed: Tree[Token]) -> Iterator[Token]:
    """The tokens of a file, in order."""
    todo: list[Tree[Token] | Token] = [parsed]
    while todo:
        item = todo.pop()
        if isinstance(item, Token):
            yield item
        else:
            todo += reversed(item.children)


def comments(text: str) -> list[str]:
    """The comments of a file, in order."""
    return [found[0].rstrip() for found in COMMENT_OR_STRING.finditer(text) if found["comment"]]


def words(text: str, found: list[Token]) -> dict[int, Word]:
    """Words by their places; the last one, at the end of the file, has no text.

    A comment belongs to the word before it when it stands on the same line, else to the word that follows.
    """
    made: list[tuple[int, Word]] = []
    before = 0
    for token in [*found, None]:
        start, end = (token.start_pos or 0, token.end_pos or 0) if token else (len(text), len(text))
        between = text[before:start]
        above: list[Comment] = []
        gap = 0
        for comment in COMMENT_OR_STRING.finditer(between):
            lines = between.count("\n", gap, comment.start())
            if lines == 0 and made and not above:
                made[-1] = (made[-1][0], replace(made[-1][1], behind=comment[0].rstrip()))
            else:
                above.append(Comment(comment[0].rstrip(), lines > 1))
            gap = comment.end()
        blank = between.count("\n", gap) > 1
        made.append((start, Word(str(token or ""), "\n" in between, blank, (*above,))))
        before = end
    return dict(_commas_first(made))


def _commas_first(made: list[tuple[int, Word]]) -> Iterator[tuple[int, Word]]:
    """A comment between an item and its comma stands behind the comma."""
    for number in range(1, len(made)):
        (before, word), (at, comma) = made[number - 1], made[number]
        if comma.text in {",", ";"} and word.behind and not comma.behind and not comma.above:
            made[number - 1 : number + 1] = [
                (before, replace(word, behind="")),
                (at, replace(comma, behind=word.behind)),
            ]
    yield from made

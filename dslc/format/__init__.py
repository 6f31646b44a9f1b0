"""One layout for every file of the language; `docs/formatting.md` has its rules."""

from itertools import zip_longest

from lark import Token, Tree
from lark.exceptions import LarkError

from dslc.errors.base import Failed, Problems
from dslc.errors.internal import NotFormatted
from dslc.format.layout import Layout, joined
from dslc.format.words import comments, tokens, words
from dslc.parse import parse
from dslc.parse.reader import parser
from dslc.source import Source, Span


def formatted(source: Source) -> str:
    """The text of a file in the canonical layout.

    Raises:
        Failed: when the file has errors of syntax, or, by a mistake in here, a word or a comment would change.
    """
    problems = Problems()
    parse(source, problems)
    if problems.errors:
        raise Failed(problems)
    tree: Tree[Token] = parser().parse(source.text)
    found = [*tokens(tree)]
    around = words(source.text, found)
    text = joined(Layout(around).pieces(tree, around[len(source.text)]))
    _compare(source, found, text)
    return text


def _compare(source: Source, found: list[Token], text: str) -> None:
    """Refuse a text whose words or comments are not those of the source."""
    try:
        made = [*tokens(parser().parse(text))]
    except LarkError:
        made = []
    differs = next((one for one, other in zip_longest(found, made) if one != other), None)
    if differs is None and len(made) == len(found) and comments(text) == comments(source.text):
        return
    start = 0 if differs is None else differs.start_pos or 0
    problems = Problems()
    problems.add(NotFormatted(Span(source.name, start, start + 1)))
    raise Failed(problems)

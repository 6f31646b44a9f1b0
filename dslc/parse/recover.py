"""Finds the piece of a part in which its syntax error lies, so that the rest can be read without it.

A piece is a statement of a body, or a setting of a head. What it gives stays named: its value, or the value of its
declaration, becomes a hole, a name of underscores that the shaper turns into `tree.Lost`, and all offsets stay as they are.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dslc.errors.base import Edit

TOKEN = re.compile(r'#[^\n]*|"(?:\\.|[^"\\\n])*"|[A-Za-z_]\w*|[0-9][\w.]*|->|==|!=|<=|>=|[^\s]')
KEYWORDS = ("input", "param", "state", "carry", "output", "next", "layer", "require", "step", "group")
CONTINUES = ("if", "else", "repeat", "not", "and", "or", "in", "as", "it")
DECLARED = ("input", "param", "state", "carry")
UNFINISHED = re.compile(r"(?:->|[-+*/%@=,<>(\[{.:]|\b(?:and|or|not|in|if|as))$")
HOLE = "[...] = _"


@dataclass(frozen=True)
class Piece:
    """A stretch of text that can be taken out: `[start, end)`, with what it names in front of `value`."""

    start: int
    value: int
    """Where the value begins."""
    end: int
    kind: str
    """`value`, `type` (the type and the value of a declaration) or `other`, of which nothing can be kept."""


@dataclass(frozen=True)
class Recovered:
    """A text that can be read further."""

    text: str
    hole: int | None = None
    lost: tuple[str, ...] = ()
    """Names that the text gave, perhaps, and does not give any more."""


@dataclass
class _Open:
    """An open bracket: what it is, and whether statements or settings of a head stand in it."""

    bracket: str
    holds: str = ""
    indent: int = -1
    """The column in which the statements of a body begin, once a line begins with one."""


def mended(text: str, edits: Sequence[Edit]) -> Recovered | None:
    """The text with edits that leave everything else in its place; None where they need more room."""
    for edit in edits:
        span, written = edit.span, edit.replacement.strip()
        if len(written) > span.end - span.start or not text[span.start : span.end].strip():
            return None
        text = text[: span.start] + written.rjust(span.end - span.start) + text[span.end :]
    return Recovered(text)


def without(text: str, at: int, start: int, end: int) -> Recovered | None:
    """The text without the piece that holds `at`; None when no piece does.

    Args:
        text: a file, of which `[start, end)` is the part that cannot be read.
    """
    pieces = list(_pieces(text, start, end))
    number = bisect_right([piece.start for piece in pieces], at) - 1
    if number < 0:
        return None
    if at < max(pieces[number].value, pieces[number].start + 1):
        before = text[start : pieces[number].start].rstrip()
        if number and (at == pieces[number].start or UNFINISHED.search(before)):
            number -= 1  # the error shows where the statement before has not come to its end
    return _hollowed(text, pieces[number])


def _hollowed(text: str, piece: Piece) -> Recovered | None:
    body = text[piece.value : piece.end]
    room = body.rstrip()
    lead = len(room) - len(room.lstrip())
    begin, length = piece.value + lead, len(room) - lead
    if length and set(room.strip()) <= {"_", " "}:
        return None
    if piece.kind == "type" and length >= len(HOLE):
        filled = HOLE + " " * (length - len(HOLE))
        return Recovered(text[:begin] + filled + text[begin + length :], begin + len(HOLE) - 1)
    if piece.kind == "value" and length:
        return Recovered(text[:begin] + "_" * length + text[begin + length :], begin)
    whole = text[piece.start : piece.end]
    if not whole.strip():
        return None
    names = tuple(re.findall(r"[A-Za-z_]\w*", whole))
    return Recovered(text[: piece.start] + re.sub(r"\S", " ", whole) + text[piece.end :], lost=names)


def _pieces(text: str, start: int, end: int) -> Iterator[Piece]:
    """Statements and settings, in order."""
    tokens = [found for found in TOKEN.finditer(text, start, end) if not found[0].startswith("#")]
    begun: tuple[int, int, str] | None = None
    """Start, value and kind of the piece that is being read."""
    for number, stack in _nested(tokens, text):
        found = tokens[number]
        ends = found[0] in (")", "}") or (found[0] == "," and stack[-1].holds == "settings")
        head = _head(tokens, number, stack[-1].holds if stack else "")
        if begun is not None and (ends or head is not None):
            yield Piece(begun[0], begun[1], found.start(), begun[2])
            begun = None
        if head is not None:
            begun = found.start(), tokens[head[0]].end(), head[1]
    if begun is not None:
        yield Piece(begun[0], begun[1], end, begun[2])


def _nested(tokens: list[re.Match[str]], text: str) -> Iterator[tuple[int, list[_Open]]]:
    """The tokens that stand right in a body or in the settings of a head, and what is open there."""
    stack: list[_Open] = []
    chain = False
    for number, found in enumerate(tokens):
        word = found[0]
        column = _column(text, found)
        body = next((one for one in reversed(stack) if one.bracket == "{"), None)
        if column is not None and body is not None and body.holds == "statements":
            body.indent = column if body.indent < 0 else body.indent
            if column <= body.indent and (word == "}" or word[0].isalpha()):
                del stack[stack.index(body) + 1 :]  # brackets that were never closed
        if word in (")", "]", "}"):
            while word == "}" and any(one.bracket == "{" for one in stack[:-1]) and stack[-1].bracket != "{":
                stack.pop()
            if stack and stack[-1].holds:
                yield number, stack
            if stack:
                stack.pop()
            continue
        if stack and stack[-1].holds:
            yield number, stack
        chain = chain or (not stack and word == "=")
        if word in "([{":
            stack.append(_Open(word, _holds(tokens, number, stack, chain)))


def _holds(tokens: list[re.Match[str]], number: int, stack: list[_Open], chain: bool) -> str:
    """What stands in the bracket that opens here: statements, settings, or nothing of which a piece can be made."""
    word, before = tokens[number][0], [found[0] for found in tokens[max(0, number - 2) : number]]
    if not stack:
        return "" if chain else {"(": "settings", "{": "statements"}.get(word, "")
    inner = word == "{" and stack[-1].holds == "statements" and before
    return "statements" if inner and (before[0] == "step" or before[-1].startswith('"')) else ""


def _column(text: str, found: re.Match[str]) -> int | None:
    """The column of a word that begins a line."""
    start = text.rfind("\n", 0, found.start()) + 1
    return None if text[start : found.start()].strip() else found.start() - start


def _head(tokens: list[re.Match[str]], number: int, holds: str) -> tuple[int, str] | None:
    """The last token before the value of the piece that begins here, and its kind; None when none begins."""
    words = [found[0] for found in tokens[number : number + 40]]
    if holds == "settings":
        return (number + 1, "value") if words[1:2] == ["="] else None
    if holds != "statements" or not re.match(r"[A-Za-z_]", words[0]):
        return None
    named = words[1:2] and re.match(r"[A-Za-z_]", words[1])
    if words[0] in DECLARED and named and words[2:3] == [":"]:
        return number + 2, "type"
    first = 1 if words[0] in ("output", "next", "layer") and named else 0
    at = first
    while words[at + 1 : at + 2] == [","] and at + 2 < len(words):
        at += 2
    if words[at + 1 : at + 2] == ["="]:
        return number + at + 1, "value"
    if words[0] in KEYWORDS and (named or words[0] == "require"):
        return number, "other"
    begins = named and words[0] not in CONTINUES and _column(tokens[number].string, tokens[number]) is not None
    return (number, "other") if begins else None

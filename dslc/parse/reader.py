"""Runs Lark over a source; one syntax error is reported for each top-level part that has one."""

import hashlib
import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import lark
from lark import Lark, Token
from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedToken

from dslc.cache import folder
from dslc.errors.base import Edit, Problems
from dslc.errors.parse import (
    ChainTooLong,
    NestedTooDeep,
    NumberTooLong,
    TooManyFaults,
    Unclosed,
    UnexpectedCharacter,
    UnexpectedWord,
)
from dslc.parse import recover, slips, tree
from dslc.parse.shape import Shaper
from dslc.source import Source, Span

DEEPEST = 100
"""Brackets inside brackets; real models stay below ten."""
LONGEST_NUMBER = 300
MOST_OPERATORS = 1_000
"""Operators, indices and calls one behind the other in an expression: each is a level of the tree."""
MOST_FAULTS = 100
"""Parts with errors of syntax that are reported of a file: one with more is no file of this language."""
MOST_ERRORS = 50
"""Statements of one part that are left out for their syntax errors before the part is given up."""
MOST_READ = 1_000_000
"""Characters that are read again for this."""
NESTING = re.compile(
    rf"""(?P<text>\#[^\n]*|"(?:\\.|[^"\\\n])*")
    |(?P<digits>[0-9][0-9_]{{{LONGEST_NUMBER},}})
    |(?P<open>[(\[{{])
    |(?P<close>[)\]}}])(?P<ends>(?=\s+(?!and\b|or\b|else\b)[A-Za-z_"]))?
    |(?P<next>->|[,;]|(?<![=!<>])=(?!=)|\b(?:require|import)\b)
    |(?P<operator>\*\*|//|[=!<>]=|[-+*/%@<>.]|\b(?:and|or|not|else)\b)""",
    re.VERBOSE,
)
"""What decides how deep the tree of an expression is. A name behind a closing bracket begins another statement."""
STARTS = re.compile(r"^(?:import|block|model|variant|train|sample|search|weights)\b", re.MULTILINE)


def grammar() -> Path:
    """The grammar's file: in the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent.parent / "grammar" / "net.lark"
    return inside if inside.exists() else Path(__file__).parents[2] / "grammar" / "net.lark"


@cache
def parser() -> Lark:
    """The LALR parser of the language, which gives Lark's own trees."""
    return _parser(None)


@cache
def _shaping() -> tuple[Lark, Shaper]:
    """The parser that makes nodes of `tree` as it goes, and what makes them."""
    shaper = Shaper()
    return _parser(shaper), shaper


def _parser(shaper: Shaper | None) -> Lark:
    """A parser; its tables are kept in the user's cache folder."""
    text = grammar().read_text(encoding="utf-8")
    key = hashlib.sha256(f"{text}{lark.__version__}{sys.version}".encode()).hexdigest()[:16]
    kept = folder("grammar")
    file = str(kept / f"{key}.lark") if kept else False
    return Lark(text, parser="lalr", start="net", keep_all_tokens=True, cache=file, transformer=shaper)


def parse(source: Source, problems: Problems) -> tree.File:
    """The tree of a file; parts with a syntax error are left out of it and added to the problems."""
    found = _bounds(source, problems)
    if found:
        return tree.File(Span(source.name, 0, 0), None, ())
    try:
        return _read(source.name, source.text, problems)
    except LarkError:
        return _read_in_parts(source, problems)


def _read(name: str, text: str, problems: Problems, offset: int = 0, holes: frozenset[int] = frozenset()) -> tree.File:
    """The tree of a text that stands at an offset of its file."""
    reader, shaper = _shaping()
    shaper.start(name, offset, holes)
    file: Any = reader.parse(text)
    for problem in shaper.problems:
        problems.add(problem)
    return file


def _bounds(source: Source, problems: Problems) -> bool:
    """Refuse what would make later stages run out of stack or time."""
    depths, operators = [0], 0
    for match in NESTING.finditer(source.text):
        kind = match.lastgroup
        span = Span(source.name, match.start(), match.end())
        if kind == "digits":
            problems.add(NumberTooLong(span, LONGEST_NUMBER))
            return True
        if kind == "open":
            depths.append(0)
            operators += 1
            depths[-2] += 1
        elif kind in {"close", "ends"}:
            operators -= depths.pop() if len(depths) > 1 else 0
        elif kind == "operator":
            depths[-1] += 1
            operators += 1
        if kind in {"next", "ends"}:
            operators -= depths[-1]
            depths[-1] = 0
        if len(depths) > DEEPEST + 1 or operators > MOST_OPERATORS:
            problems.add(
                NestedTooDeep(span, DEEPEST) if len(depths) > DEEPEST + 1 else ChainTooLong(span, MOST_OPERATORS)
            )
            return True
    return False


def _read_in_parts(source: Source, problems: Problems) -> tree.File:
    """Each top-level part by itself: a slip in one block does not hide what is wrong in the next."""
    cuts = [0, *(match.start() for match in STARTS.finditer(source.text)), len(source.text)]
    header, parts, lost, faults = None, list[tree.Tree](), list[str](), 0
    for start, end in pairwise(cuts):
        before = len(problems.errors)
        file = _read_part(source, start, end, problems, lost)
        faults += len(problems.errors) > before
        if file is None:
            lost += re.findall(r"^\w+\s+(\w+)", source.text[start:end])
        if faults == MOST_FAULTS:
            problems.add(TooManyFaults(Span(source.name, end, end + 1), MOST_FAULTS))
            lost += re.findall(r"^\w+\s+(\w+)", source.text[end:], re.MULTILINE)
            break
        if file is None:
            continue
        header = header or file.header
        parts.extend(file.parts)
    if not problems.errors:  # the parts are fine one by one: the fault lies between them
        try:
            _read(source.name, source.text, problems)
        except LarkError as error:
            _report(source, error, 0, len(source.text), problems)
    problems.lost.update(lost)
    return tree.File(Span(source.name, 0, len(source.text)), header, tuple(parts))


def _read_part(source: Source, start: int, end: int, problems: Problems, lost: list[str]) -> tree.File | None:
    """One part; a statement with a syntax error leaves a hole, and the others are read. None when there is no telling."""
    text, part = "", source.text[start:end]
    holes: set[int] = set()
    for _ in range(max(2, min(MOST_ERRORS, MOST_READ // (len(part) + 1)))):
        try:
            return _read(source.name, part, problems, start, frozenset(holes))
        except LarkError as error:
            at, edits = _report(source, error, start, end, problems)
        # Spaces in place of what stands before keep every offset as it is in the file.
        text = text or " " * start + part
        made = recover.mended(text, edits) if edits else None
        made = made or (None if at is None else recover.without(text, at, start, end))
        if made is None or made.text == text:
            return None
        text, part = made.text, made.text[start:end]
        lost += made.lost
        holes |= set() if made.hole is None else {made.hole}
    return None


def _report(
    source: Source, error: LarkError, start: int, end: int, problems: Problems
) -> tuple[int | None, tuple[Edit, ...]]:
    """Add what is wrong; gives its place, but for a bracket that nothing closes, and what surely mends it."""
    at, slip = None, None
    if isinstance(error, UnexpectedCharacters):
        at = start + (error.pos_in_stream or 0)
        slip = slips.find(slips.Place(source.name, source.text, at, ""))
        span = _pointed(source, slip) or Span(source.name, at, at + 1)
        problems.add(UnexpectedCharacter(span, source.snippet(span), slip))
    elif isinstance(error, UnexpectedToken):
        token: Token = error.token
        opened = _open_bracket(source.text, start, end)
        if token.type == "$END" and opened is not None:
            problems.add(Unclosed(Span(source.name, opened, opened + 1), source.text[opened]))
            return None, ()
        at = len(source.text[:end].rstrip()) if token.type == "$END" else start + (token.start_pos or 0)
        span = Span(source.name, at, at + max(1, len(token)))
        expected = tuple(sorted(error.accepts or error.expected))
        before = source.text[start:at].rstrip()
        word = "" if token.type == "$END" else str(token)
        slip = slips.find(slips.Place(source.name, source.text, at, word, frozenset(expected))) if word else None
        span = _pointed(source, slip) or span
        shown = source.snippet(span) if slip is not None and word else word
        problems.add(UnexpectedWord(span, shown, expected, _after_stage(before), slip))
    return at, slip.edits if slip is not None and slip.safe else ()


def _pointed(source: Source, slip: slips.Slip | None) -> Span | None:
    """The place of a slip when it is one sign or word, without the space around it."""
    if slip is None or len(slip.edits) != 1:
        return None
    span = slip.edits[0].span
    text = source.snippet(span)
    if not text.strip() or "\n" in text.strip():
        return None
    start = span.start + len(text) - len(text.lstrip())
    return Span(span.file, start, start + len(text.strip()))


def _after_stage(before: str) -> bool:
    """Whether an arrow stands between the last opening bracket or `=` and here."""
    depth = 0
    for at in range(len(before) - 1, 0, -1):
        char = before[at]
        depth += (char in ")]}") - (char in "([{")
        if depth < 0 or (depth == 0 and char == "=" and before[at - 1] not in "=!<>"):
            return False
        if depth == 0 and before[at - 1 : at + 1] == "->":
            return True
    return False


def _open_bracket(text: str, start: int, end: int) -> int | None:
    """Where the innermost bracket that is never closed opens."""
    opened: list[int] = []
    for match in re.finditer(r'#[^\n]*|"(?:\\.|[^"\\\n])*"|[(\[{]|[)\]}]', text[start:end]):
        if match[0] in "([{":
            opened.append(start + match.start())
        elif match[0] in ")]}" and opened:
            opened.pop()
    return opened[0] if opened else None

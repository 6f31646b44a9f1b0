"""Makes valid files at random: parse, check, format, parse again, with the same tree and the same problems.

Half of the files come from the grammar's own rules, so that every construct stands in every place; the others are models with
sizes kept in mind, out of the catalogue's samples and of layers that fit, so that most of them have no error.
`python tests/fuzz/grammar.py --minutes 15` writes what it finds, as small as possible, to tests/fuzz/found/.
"""

import random
from collections.abc import Sequence
from functools import cache

import campaign
from lark.grammar import NonTerminal, Symbol
from models import model_file
from trial import Found, checked, said, whole

from dslc.errors.base import Problems
from dslc.format.words import tokens
from dslc.parse import parse, tree
from dslc.parse.reader import parser
from dslc.source import Source, Span

NAMES = ("x", "y", "alpha", "width_2", "_", "batch", "relu", "dense", "m", "input_", "e5", "T", "shape", "f32", "i32")
INTEGERS = ("0", "1", "2", "12", "1_000", "007")
FLOATS = ("0.5", "1e-3", "2.5e10", "1_0.2_5")
STRINGS = ('""', '"a b"', '"# no comment"', '"\\"->{"', '"\\\\"', '"{[("', '"é\\n"')
GAPS = (" ", "  ", "\t", "\n", "\n\n\n", "  # behind\n", "\n# above\n", "\n\n  # apart  \n\n\n", "#tight\n")


def grammar_file(draw: random.Random) -> str:
    """A sentence of the grammar."""
    words = ["net", "1"] * (draw.random() < 0.8)
    for _ in range(draw.choice((1, 1, 2, 4))):
        words += _expanded("part", draw, draw.choice((6, 9, 12, 16, 20)))
    return _spaced(words, draw)


def any_file(draw: random.Random) -> str:
    if draw.random() < 0.5:
        return grammar_file(draw)
    text = model_file(draw)
    if draw.random() < 0.5:
        text = _spaced([str(token) for token in tokens(parser().parse(text))], draw)
    return text


def _spaced(words: Sequence[str], draw: random.Random) -> str:
    """Words with spaces, line breaks and comments between them."""
    weights = [8, 1, 1, *(draw.choice([0.0, 0.1, 2.0]) for _ in GAPS[3:])]
    return draw.choice(GAPS[1:]) + "".join(word + draw.choices(GAPS, weights)[0] for word in words)


@cache
def _rules() -> dict[str, list[list[Symbol]]]:
    found: dict[str, list[list[Symbol]]] = {}
    for rule in parser().rules:
        found.setdefault(rule.origin.name, []).append(rule.expansion)
    return found


@cache
def _least() -> dict[str, int]:
    """How many levels each rule needs at least."""
    levels: dict[str, int] = {}
    while len(levels) < len(_rules()):
        for name, choices in _rules().items():
            depths = [_depth(choice, levels) for choice in choices]
            known = [depth for depth in depths if depth is not None]
            if known and name not in levels:
                levels[name] = min(known) + 1
    return levels


def _depth(choice: Sequence[Symbol], levels: dict[str, int]) -> int | None:
    inner = [levels.get(symbol.name) for symbol in choice if isinstance(symbol, NonTerminal)]
    return None if None in inner else max((level for level in inner if level is not None), default=0)


@cache
def _word(terminal: str) -> tuple[str, ...]:
    known = {"NAME": NAMES, "INTEGER": INTEGERS, "FLOAT": FLOATS, "STRING": STRINGS}
    return known.get(terminal) or (parser().get_terminal(terminal).pattern.value,)


def _expanded(rule: str, draw: random.Random, levels: int) -> list[str]:
    choices = _rules()[rule]
    fitting = [choice for choice in choices if (_depth(choice, _least()) or 0) < levels]
    least = min(_depth(choice, _least()) or 0 for choice in choices)
    choice = draw.choice(fitting or [choice for choice in choices if (_depth(choice, _least()) or 0) == least])
    words: list[str] = []
    for symbol in choice:
        if isinstance(symbol, NonTerminal):
            words += _expanded(symbol.name, draw, levels - (not symbol.name.startswith("__")))
        else:
            words.append(draw.choice(_word(symbol.name)))
    return words


def without_spans(item: object) -> object:
    """A tree as tuples, to be compared."""
    if isinstance(item, tree.Tree):
        fields = [name for name in item.__dataclass_fields__ if not isinstance(getattr(item, name), Span)]
        return type(item).__name__, *(without_spans(getattr(item, name)) for name in fields)
    return (*map(without_spans, item),) if isinstance(item, tuple) else item


def parsed(text: str) -> object:
    problems = Problems()
    file = parse(Source("fuzz.net", text), problems)
    if any(problem.code.startswith("E01") for problem in problems):
        raise Found("syntax", str(said(problems))[:200])
    return without_spans(file)


def same_tree(text: str) -> None:
    """What has to hold for a valid file."""
    before = parsed(text)
    _, made = whole(text)
    if made is None or parsed(made) != before:
        raise Found("tree", "formatted it has another tree")


def kind(text: str) -> str:
    return "with errors" if checked(text).errors else "clean"


if __name__ == "__main__":
    campaign.run(any_file, same_tree, kind)

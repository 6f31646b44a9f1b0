"""Paths of weights: the layers of an array that is stacked over a repeat, and patterns over paths."""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import cache
from itertools import product

from dslc.graph import Graph, Node

STACKED = re.compile(r"\*|\d+:\d+")
"""A component of a name that stands for the layers of a repeat: all of them, or a run."""

WILDCARD = "[*?]"
"""What stands for other characters in a glob."""


def layers(node: Node) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Path of each layer of a stacked array, and where it is in the array; of any other array its own name."""
    runs = [range(start, start + count) for start, count in stack_of(node)]
    for numbers in product(*runs):
        left = iter(numbers)
        parts = [str(next(left)) if STACKED.fullmatch(part) else part for part in node.name.split(".")]
        yield ".".join(parts), tuple(number - run.start for number, run in zip(numbers, runs, strict=True))


def stack_of(node: Node) -> tuple[tuple[int, int], ...]:
    """First index and count of every repeat around a weight, outermost first."""
    return getattr(node.op, "stack", ())


def shape_of(node: Node) -> tuple[int, ...]:
    """The shape of a weight, whose sizes are always known."""
    return tuple(int(size) for size in node.type.shape)  # pyright: ignore[reportArgumentType]


def paths(graph: Graph) -> tuple[str, ...]:
    """The path of every weight of a graph, layer by layer."""
    return tuple(path for node in graph.sources("parameter") for path, _ in layers(node))


@cache
def pattern(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression with a group for each wildcard: `*` is any run of characters, `?` any one."""
    parts = {"*": "(.*)", "?": "(.)"}
    return re.compile("".join(parts.get(part, re.escape(part)) for part in re.split(f"({WILDCARD})", glob)), re.DOTALL)


def matches(glob: str, path: str) -> bool:
    """Whether a path is one that a glob means."""
    return pattern(glob).fullmatch(path) is not None


def nearest_path(glob: str, known: Iterable[str]) -> tuple[str | None, str | None]:
    """The path most like a glob, and what to write for the glob; None where there is nothing.

    A wildcard at an end stands for the components that it leaves out, one inside stays where it is.
    """
    plain = glob.strip("*?.")
    parts = plain.split(".")
    best: tuple[float, str, str] = (0.0, "", "")
    for path in known:
        for piece in _pieces(path, len(parts) if plain != glob else 0):
            likeness = SequenceMatcher(None, plain, piece).ratio()
            if likeness > best[0]:
                best = likeness, path, piece
    _, path, piece = best
    if not path:
        return None, None
    others = piece.split(".")
    if len(others) == len(parts):
        piece = ".".join(part if matches(part, other) else other for part, other in zip(parts, others, strict=True))
    meant = glob.replace(plain, piece)
    return path, meant if matches(meant, path) else None


def _pieces(path: str, count: int) -> Iterator[str]:
    """The runs of so many components in a path; with 0 the path itself."""
    parts = path.split(".")
    if not count or count >= len(parts):
        yield path
    else:
        yield from (".".join(parts[start : start + count]) for start in range(len(parts) - count + 1))

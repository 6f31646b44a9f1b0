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


def nearest_path(glob: str, known: Iterable[str]) -> str | None:
    """The path most like a glob: a wildcard at an end stands for the components that it leaves out."""
    plain = glob.strip("*?.")
    count = plain.count(".") + 1
    best: tuple[float, str] | None = None
    for path in known:
        parts = path.split(".")
        whole = not glob.startswith(("*", "?")) and not glob.endswith(("*", "?"))
        starts = (0,) if whole else range(len(parts) - min(count, len(parts)) + 1)
        pieces = [path] if whole else [".".join(parts[start : start + count]) for start in starts]
        likeness = max(SequenceMatcher(None, plain, piece).ratio() for piece in pieces)
        if best is None or likeness > best[0]:
            best = likeness, path
    return best[1] if best is not None else None

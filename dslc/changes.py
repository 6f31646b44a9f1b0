"""Graphs on their way through stages and passes, and what changes between two of them, as text."""

from collections.abc import Iterator
from difflib import unified_diff

from dslc.compilation import Compilation
from dslc.graph import Graph
from dslc.optimize import Step
from dslc.text import to_text

GRAPHS = ("build", "optimize", "differentiate")
"""The stages that return a graph."""
CONTEXT = 2
"""Lines that are shown around a change."""


def graph_after(point: str, compilation: Compilation) -> Graph | None:
    """The graph after a stage or a pass; None where no such pass has run in this program.

    Raises:
        Failed: when the file has errors.
    """
    match point:
        case "build":
            return compilation.build
        case "optimize":
            return compilation.optimize[0]
        case "differentiate":
            return compilation.differentiate
        case _:
            return next((step.after for step in _steps(compilation) if step.optimization.name == point), None)


def before(point: str, compilation: Compilation) -> str | None:
    """The stage or the pass whose graph a stage or a pass takes; None where there is none."""
    if point in GRAPHS:
        place = GRAPHS.index(point)
        return GRAPHS[place - 1] if place else None
    names = ["build", *(step.optimization.name for step in _steps(compilation))]
    return names[names.index(point) - 1]


def of_each_pass(compilation: Compilation) -> Iterator[str]:
    """The lines of a diff for every pass that changed the graph."""
    for step in _steps(compilation):
        yield from lines(step.optimization.name, step.before, step.after)


def between(since: str, after: str, compilation: Compilation) -> Iterator[str]:
    """The lines of a diff between the graphs after two stages or passes, both of which have one."""
    first, second = graph_after(since, compilation), graph_after(after, compilation)
    assert first is not None
    assert second is not None
    yield from lines(after, first, second, since)


def lines(name: str, first: Graph, second: Graph, since: str = "") -> Iterator[str]:
    """The lines of a diff of two graphs."""
    old, new = (to_text(graph).splitlines() for graph in (first, second))
    start = f"after {since}" if since else f"before {name}"
    yield from unified_diff(old, new, start, f"after {name}", n=CONTEXT, lineterm="")


def _steps(compilation: Compilation) -> tuple[Step, ...]:
    return compilation.optimize[1].steps

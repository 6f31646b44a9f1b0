"""Short ways from text to what the compiler makes of it."""

from dslc import compiler
from dslc.errors.base import Failed, Problem
from dslc.graph import Graph
from dslc.plan import Plan
from dslc.source import Source


def graph_of(text: str, **options: object) -> Graph:
    """The graph of the chosen model; the problems are shown when there are any."""
    try:
        return compiler.graph(Source("test.net", f"net 1\n{text}"), compiler.Options(**options))  # type: ignore[arg-type]
    except Failed as failed:
        raise AssertionError("\n".join(told(problem) for problem in failed.problems)) from None


def plan_of(text: str, **options: object) -> Plan:
    """The plan of the train block."""
    try:
        return compiler.plan(Source("test.net", f"net 1\n{text}"), compiler.Options(**options))  # type: ignore[arg-type]
    except Failed as failed:
        raise AssertionError("\n".join(told(problem) for problem in failed.problems)) from None


def problems_of(text: str) -> list[Problem]:
    """What `check` finds."""
    return list(compiler.check(Source("test.net", f"net 1\n{text}")))


def told(problem: Problem) -> str:
    """A problem on one line."""
    return f"{problem.code}: {problem.headline()} ({problem.label()}); {problem.help()}"


def parameters(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights by path."""
    return {node.name: tuple(map(int, node.type.shape)) for node in graph.sources("parameter")}

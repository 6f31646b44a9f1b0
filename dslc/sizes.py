"""Sizes for the free dimensions of a model, where the command line leaves them open."""

from collections.abc import Mapping

from dslc.bind import DoesNotDivide, bind, free
from dslc.errors.base import Failed, Problems
from dslc.errors.bind import SizesDoNotFit
from dslc.graph import Graph, Node


def sizes_of(graph: Graph, dims: Mapping[str, int]) -> dict[str, int]:
    """The size of every free dimension: 1 where `dims` does not say."""
    return {name: dims.get(name, 1) for name in (*free(graph), *dims)}


def sized(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """The graph with sizes in place of its free dimensions.

    Raises:
        Failed: when the model cannot work with these sizes.
    """
    try:
        bound = bind(graph, sizes)
    except DoesNotDivide as failure:
        raise _failed(graph.nodes[failure.node], str(failure), sizes) from None
    for node in bound:
        small = next(
            (type for type in node.types if any(isinstance(size, int) and size < 1 for size in type.shape)), None
        )
        if small is not None and sizes:
            raise _failed(node, f"this would be {small}", sizes)
    return bound


def _failed(node: Node, reason: str, sizes: Mapping[str, int]) -> Failed:
    problems = Problems()
    problems.add(SizesDoNotFit(node.span, reason, tuple(sizes.items())))
    return Failed(problems)

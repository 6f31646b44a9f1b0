"""What regions have in common: a graph of their own."""

from functools import cached_property

from dslc.graph import Graph
from dslc.ops.base import Op


class Region(Op):
    """A node that holds a graph."""

    body: Graph

    @cached_property
    def given(self) -> tuple[str, ...]:
        """Names of the inputs of the body."""
        return tuple(node.name for node in self.body.sources("input"))

    @cached_property
    def draws(self) -> bool:
        """Whether anything in the body draws random numbers."""
        return any(node.op.random or (isinstance(node.op, Region) and node.op.draws) for node in self.body)

"""Puts ints in for the dimension names of a graph, and works out these ints from the shapes of arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from dslc.catalogue import Entry
from dslc.dims import Dim, NotDivisible, Size, dim, substitute, symbols
from dslc.graph import Graph, Node
from dslc.types import Type

MOST = 2**62
"""No axis is so long."""


class Unfit(Exception):
    """Arrays or sizes that a graph cannot run with."""


@dataclass(eq=False)
class ShapeDiffers(Unfit):
    """An array has another number of axes than its input."""

    input: str
    type: Type
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"input `{self.input}` is {self.type}, and the array given has the shape {list(self.shape)}"


@dataclass(eq=False)
class SizeDiffers(Unfit):
    """An axis of an array has another size than its input."""

    input: str
    axis: int
    wanted: Size
    given: int
    known: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        names = f", where {_list(self.known)}" if self.known else ""
        return f"axis {self.axis} of input `{self.input}` has size {self.wanted}{names}, and the array given has {self.given}"


@dataclass(eq=False)
class SizeTooLarge(Unfit):
    """A size is above its bound."""

    input: str
    dim: str
    bound: int
    given: int

    def __str__(self) -> str:
        return f"`{self.dim}` of input `{self.input}` is at most {self.bound}, and the array given has {self.given}"


@dataclass(eq=False)
class DoesNotDivide(Unfit):
    """With the sizes given, a quotient in the graph is not whole."""

    node: str
    a: Size
    b: Size
    known: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        return f"{self.a} does not divide by {self.b} at `{self.node}`, where {_list(self.known)}"


def _list(known: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in known)


def bind(graph: Graph, dims: Mapping[str, int]) -> Graph:
    """The graph with sizes in place of dimension names: in types, settings and the bodies of regions.

    Raises:
        DoesNotDivide: when a quotient is not whole with these sizes.
    """
    if not dims:
        return graph
    nodes: dict[str, Node] = {}
    for name, node in graph.nodes.items():
        try:
            op, types = _bound(node.op, dims), tuple(type.bind(dims) for type in node.types)
        except NotDivisible as problem:
            raise DoesNotDivide(name, problem.a, problem.b, tuple(dims.items())) from problem
        nodes[name] = node if op is node.op and types == node.types else replace(node, op=op, types=types)
    changed = any(nodes[name] is not node for name, node in graph.nodes.items())
    return replace(graph, nodes=nodes) if changed else graph


def _bound(value: Any, dims: Mapping[str, int]) -> Any:
    """A setting with sizes in place of names; the same object where there are none."""
    match value:
        case Dim():
            return substitute(value, dims)
        case Type():
            return value if (made := value.bind(dims)) == value else made
        case tuple():
            parts: tuple[Any, ...] = tuple(_bound(part, dims) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case Entry():
            found = {field.name: getattr(value, field.name) for field in fields(value)}  # pyright: ignore[reportArgumentType]
            changed = {name: new for name, old in found.items() if (new := _bound(old, dims)) is not old}
            return replace(value, **changed) if changed else value  # pyright: ignore[reportArgumentType]
        case Graph():
            return bind(value, dims)
        case _:
            return value


def free(graph: Graph) -> tuple[str, ...]:
    """Names of the dimensions that are still open, sorted."""
    return tuple(
        sorted({name for node in graph for type in node.types for size in type.shape for name in symbols(size)})
    )


def dims_of(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """The dimensions of a graph, from the shapes of the arrays given to its inputs.

    Raises:
        ShapeDiffers: when the number of axes is wrong.
        SizeDiffers: when a size is wrong, or two arrays disagree.
        SizeTooLarge: when a bounded dimension is above its bound.
    """
    inputs = [node for node in graph.sources("input") if node.name in shapes]
    wanted: list[tuple[str, int, Size, int]] = []
    for node in inputs:
        shape = tuple(shapes[node.name])
        if len(shape) != node.type.rank:
            raise ShapeDiffers(node.name, node.type, shape)
        wanted += [
            (node.name, axis, size, given)
            for axis, (size, given) in enumerate(zip(node.type.shape, shape, strict=True))
        ]
    dims: dict[str, int] = {}
    # Plain names first, so that `2 * n` elsewhere is checked and not solved.
    for name, axis, size, given in sorted(wanted, key=lambda entry: str(entry[2]) not in symbols(entry[2])):
        _meet(dims, name, axis, size, given)
    for node in inputs:
        for name, bound in getattr(node.op, "bounds", ()):
            if dims.get(name, 0) > bound:
                raise SizeTooLarge(node.name, name, bound, dims[name])
    return dims


def _meet(dims: dict[str, int], input: str, axis: int, size: Size, given: int) -> None:
    """Let a size be what is given: solve it for its only open name, or check it."""
    try:
        left = substitute(size, dims)
        open_ = symbols(left)
        if len(open_) == 1:
            (name,) = open_
            dims[name] = _solved(left, name, given)
            left = substitute(size, dims)
    except NotDivisible:
        left = None
    if left is None or (isinstance(left, int) and left != given):
        known = tuple((name, dims[name]) for name in sorted(symbols(size)) if name in dims)
        raise SizeDiffers(input, axis, size, given, known)


def _solved(size: Size, name: str, given: int) -> int:
    """The value of a name, at least 1, for which a size that grows with it comes nearest to `given` from below."""
    step = size.den if isinstance(size, Dim) else 1
    scaled = substitute(size, {name: step * dim(name)})
    low, high = 1, 2
    while _value(scaled, name, high) <= given and high < MOST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _value(scaled, name, middle) <= given else (low, middle)
    return step * low


def _value(size: Size, name: str, value: int) -> int:
    found = substitute(size, {name: value})
    return found if isinstance(found, int) else MOST

"""Weights as files have them, one array for each layer, and as the graph has them, stacked over the layers of a repeat."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from dslc.graph import Graph, Node
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STACKED = re.compile(r"\*|\d+:\d+")
"""A component of a name that stands for the layers of a repeat: all of them, or a run."""


@dataclass(frozen=True)
class Unfit:
    """An array that the graph wants and did not get like that; `given` is None when it is missing."""

    name: str
    wanted: tuple[int, ...]
    given: tuple[int, ...] | None


def stored(graph: Graph) -> list[Node]:
    """The parameters and states of a graph."""
    return [*graph.sources("parameter"), *graph.sources("state")]


def unstack(graph: Graph, arrays: Mapping[str, Any]) -> dict[str, "NDArray[Any]"]:
    """One array for each layer: `blocks.*.kernel` becomes `blocks.0.kernel`, `blocks.1.kernel` and so on."""
    found: dict[str, NDArray[Any]] = {}
    for node in stored(graph):
        whole = np.asarray(arrays[node.name])
        found |= {name: whole[place] for name, place in layers(node)}
    return found


def stack(graph: Graph, arrays: Mapping[str, Any]) -> tuple[dict[str, "NDArray[Any]"], list[Unfit]]:
    """The arrays of the graph from arrays that are stacked or one for each layer, and those that do not fit."""
    made: dict[str, NDArray[Any]] = {}
    unfit: list[Unfit] = []
    for node in stored(graph):
        whole = _shape(node)
        if node.name in arrays:
            places, wanted = {node.name: ()}, whole
        else:
            places, wanted = dict(layers(node)), whole[len(_stack(node)) :]
        wrong = [Unfit(name, wanted, _given(arrays, name)) for name in places if _given(arrays, name) != wanted]
        unfit += wrong
        if not wrong:
            made[node.name] = np.empty(whole, np.asarray(arrays[next(iter(places))]).dtype)
            for name, place in places.items():
                made[node.name][place] = arrays[name]
    return made, unfit


def layers(node: Node) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name of each layer of a stacked array, and where it is in the array; of any other array its own name."""
    runs = [range(start, start + count) for start, count in _stack(node)]
    for numbers in product(*runs):
        left = iter(numbers)
        parts = [str(next(left)) if STACKED.fullmatch(part) else part for part in node.name.split(".")]
        yield ".".join(parts), tuple(number - run.start for number, run in zip(numbers, runs, strict=True))


def _stack(node: Node) -> tuple[tuple[int, int], ...]:
    return getattr(node.op, "stack", ())


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(int(size) for size in node.type.shape)  # pyright: ignore[reportArgumentType]  # weights have known sizes


def _given(arrays: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    return tuple(arrays[name].shape) if name in arrays else None

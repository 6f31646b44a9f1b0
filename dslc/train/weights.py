"""Weights as files have them, one array for each layer, and as the graph has them, stacked over the layers of a repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dslc.graph import Graph, Node
from dslc.lazy import np
from dslc.paths import layers, shape_of, stack_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
        whole = shape_of(node)
        if node.name in arrays:
            places, wanted = {node.name: ()}, whole
        else:
            places, wanted = dict(layers(node)), whole[len(stack_of(node)) :]
        wrong = [Unfit(name, wanted, _given(arrays, name)) for name in places if _given(arrays, name) != wanted]
        unfit += wrong
        if not wrong:
            made[node.name] = np.empty(whole, np.asarray(arrays[next(iter(places))]).dtype)
            for name, place in places.items():
                made[node.name][place] = arrays[name]
    return made, unfit


def _given(arrays: Mapping[str, Any], name: str) -> tuple[int, ...] | None:
    return tuple(arrays[name].shape) if name in arrays else None

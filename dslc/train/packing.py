"""How weights are laid out while they train: one update for many of them instead of one for each.

A network of a few thousand weights spends more of its time on starting kernels than in them, and XLA compiles several
for the update of each array. Small weights are laid end to end. Large ones stay by themselves, as to cut them out of a longer
array would copy them, but for those that the program reads stacked: they are rows of one array, which no step cuts apart.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from dslc.graph import Graph
from dslc.lazy import jax, jnp, np
from dslc.ops.shape.stack import Stack

PACKED, STACKED = "packed", "stacked"
"""Stand where a weight's name would stand; no name of the language has them, because weights have a role."""
SMALL = 16_384
"""Elements of the largest weight that is packed."""


@dataclass(frozen=True)
class Packing:
    """Which weights are packed, by name in order, with their shapes."""

    shapes: Mapping[str, tuple[int, ...]]
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Weights that are the rows of one array, by the name that stands for it."""

    @classmethod
    def of(cls, weights: Mapping[str, Any], stacks: Collection[tuple[str, ...]] = ()) -> "Packing":
        """Pack the small weights, when there are two of them: arrays or what has their shape and dtype.

        Those that are read as a stack become rows of one array.
        """
        free = {name for name, weight in weights.items() if weight.dtype == jnp.float32}
        rows = {f"{STACKED} {names[0]}": names for names in stacks if free.issuperset(names)}
        stacked = {name for names in rows.values() for name in names}
        rest = {name: weight for name, weight in weights.items() if name not in stacked}
        small = {name: tuple(weight.shape) for name, weight in rest.items() if _is_small(weight)}
        return cls(small if len(small) > 1 else {}, rows)

    @property
    def names(self) -> tuple[str, ...]:
        """All weights that stand in an array with others."""
        return (*self.shapes, *(name for names in self.rows.values() for name in names))

    def pack(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays by name of the weight, of NumPy or of JAX, with one in place of all the small ones."""
        inside = set(self.names)
        found: dict[str, Any] = {}
        if self.shapes:
            small = [arrays[name].reshape(-1) for name in self.shapes]
            found[PACKED] = np.concatenate(small) if isinstance(small[0], np.ndarray) else jnp.concatenate(small)
        for stack, names in self.rows.items():
            rows = [arrays[name] for name in names]
            found[stack] = np.stack(rows) if isinstance(rows[0], np.ndarray) else jnp.stack(rows)
        return {**found, **{name: array for name, array in arrays.items() if name not in inside}}

    def unpack(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """What was packed, cut apart again."""
        found, start = {name: array for name, array in arrays.items() if not joins(name)}, 0
        for stack, names in self.rows.items():
            found |= {name: arrays[stack][place] for place, name in enumerate(names)}
        for name, shape in self.shapes.items():
            found[name] = arrays[PACKED][start : start + prod(shape)].reshape(shape)
            start += prod(shape)
        return found

    def pack_all(self, tree: Any) -> Any:
        """A tree, such as the state of an optimizer, with every set of weights in it packed."""
        return jax.tree.map(
            lambda part: self.pack(part) if self._is_whole(part) else part, tree, is_leaf=self._is_whole
        )

    def unpack_all(self, tree: Any) -> Any:
        """A tree with every packed array in it cut apart."""
        return jax.tree.map(lambda part: self.unpack(part) if _is_packed(part) else part, tree, is_leaf=_is_packed)

    def _is_whole(self, part: Any) -> bool:
        return bool(self.names) and isinstance(part, dict) and set(self.names) <= set(part)  # pyright: ignore[reportUnknownArgumentType]


def joins(name: str) -> bool:
    """Whether a name stands for an array in which several weights are."""
    return name == PACKED or name.startswith(f"{STACKED} ")


def stacks(graph: Graph) -> Iterator[tuple[str, ...]]:
    """Weights that a graph reads as the rows of one array, each of them just once."""
    seen: set[str] = set()
    for node in graph:
        names = tuple(ref.node for ref in node.references())
        if node.op == Stack(0) and all(graph.nodes[name].op.name == "parameter" for name in names):
            if len(set(names)) == len(names) and seen.isdisjoint(names):
                yield names
            seen |= set(names)


def _is_packed(part: Any) -> bool:
    return isinstance(part, dict) and any(joins(str(name)) for name in part)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _is_small(weight: Any) -> bool:
    return prod(weight.shape) <= SMALL and weight.dtype == jnp.float32

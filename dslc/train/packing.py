"""Small weights laid end to end in one array while they train: one update for all of them instead of one for each.

A network of a few thousand weights spends more of its time on starting kernels than in them, and XLA compiles several
for the update of each array. Large weights stay by themselves: to cut them out of a longer array would copy them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from dslc.lazy import jax, jnp, np

PACKED = "packed"
"""Stands where a weight's name would stand; no name of the language has it, because weights have a role."""
SMALL = 16_384
"""Elements of the largest weight that is packed."""


@dataclass(frozen=True)
class Packing:
    """Which weights are packed, by name in order, with their shapes."""

    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, weights: Mapping[str, Any]) -> "Packing":
        """Pack the small weights, when there are two of them: arrays or what has their shape and dtype."""
        small = {name: tuple(weight.shape) for name, weight in weights.items() if _is_small(weight)}
        return cls(small if len(small) > 1 else {})

    def pack(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays by name of the weight, of NumPy or of JAX, with one in place of all the small ones."""
        if not self.shapes:
            return dict(arrays)
        small = [arrays[name].reshape(-1) for name in self.shapes]
        join = np.concatenate if isinstance(small[0], np.ndarray) else jnp.concatenate
        return {PACKED: join(small), **{name: array for name, array in arrays.items() if name not in self.shapes}}

    def unpack(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """What was packed, cut apart again."""
        found, start = {name: array for name, array in arrays.items() if name != PACKED}, 0
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
        return bool(self.shapes) and isinstance(part, dict) and set(self.shapes) <= set(part)  # pyright: ignore[reportUnknownArgumentType]


def _is_packed(part: Any) -> bool:
    return isinstance(part, dict) and PACKED in part


def _is_small(weight: Any) -> bool:
    return prod(weight.shape) <= SMALL and weight.dtype == jnp.float32

"""What a layer of one's own is written with: the class, its facets and samples, types, and JAX when it is needed.

`docs/adding-a-layer.md` is the walk; every file below this folder is an example.
"""

from dslc.dims import Dim, NotDivisible, Size, ceil_div, exact_div, floor_div, less, less_equal, remainder, same
from dslc.lazy import jax, jnp, lax
from dslc.ops.base import (
    Context,
    Cost,
    Mismatch,
    Op,
    Refused,
    Sample,
    Weight,
    axis_of,
    broadcast,
    elements,
    floating,
    moved,
    op,
)
from dslc.types import Type

__all__ = [
    "Context", "Cost", "Dim", "Mismatch", "NotDivisible", "Op", "Refused", "Sample", "Size", "Type", "Weight", "axis_of",
    "broadcast", "ceil_div", "elements", "exact_div", "floating", "floor_div", "jax", "jnp", "lax", "less", "less_equal",
    "moved", "op", "remainder", "same",
]  # fmt: skip

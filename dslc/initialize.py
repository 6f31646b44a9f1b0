"""First values of the parameters and states of a graph."""

from collections.abc import Sequence
from typing import Any

from dslc.graph import Graph
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.keys import at_place
from dslc.lazy import jax, jnp
from dslc.types import JAX_DTYPES


def initial(graph: Graph, key: "jax.Array") -> "tuple[dict[str, jax.Array], dict[str, jax.Array]]":
    """First values of all parameters, and of all states, by name.

    Each depends on the key, its name and its layer alone: `blocks.3.x` starts the same by itself as in the stacked
    `blocks.*.x`. Traceable.
    """
    made = ({node.name: _values(node.op, node.name, key) for node in graph.sources(kind)} for kind in ("parameter", "state"))
    weights, state = made
    return weights, state


def _values(op: Any, name: str, key: "jax.Array") -> "jax.Array":
    """Values of one array; a stacked one holds those of every layer."""
    # Without an activation to choose by, as for a graph that was made by hand.
    initializer = op.init or GlorotUniform()

    def layer(indices: Sequence[Any], stack: Sequence[tuple[int, int]]) -> "jax.Array":
        if not stack:
            values = initializer.sample(at_place(key, name, indices), op.shape, op.fan_in, op.fan_out)
            return values.astype(JAX_DTYPES[op.dtype])
        (start, count), *inner = stack
        return jax.vmap(lambda index: layer((*indices, index), inner))(jnp.arange(start, start + count, dtype=jnp.int32))

    return layer((), op.stack)

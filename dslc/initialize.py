"""First values of the parameters and states of a graph."""

from itertools import product
from math import prod
from typing import Any

from dslc.graph import Graph
from dslc.initializers.base import Initializer
from dslc.initializers.core.norms_of_kernel import SUFFIX, NormsOfKernel
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.keys import fold, numbers_of, wrapped
from dslc.lazy import jax, jnp
from dslc.ops.core.state import State
from dslc.types import JAX_DTYPES


def initial(graph: Graph, key: "jax.Array") -> "tuple[dict[str, jax.Array], dict[str, jax.Array]]":
    """First values of all parameters, and of all states, by name.

    Each depends on the key, its name and its layer alone: `blocks.3.x` starts the same by itself as in the stacked
    `blocks.*.x`. What follows another starts as that does. Traceable.
    """
    ops: dict[str, Any] = {node.name: node.op for kind in ("parameter", "state") for node in graph.sources(kind)}
    followed = {name: op.follows for name, op in ops.items() if isinstance(op, State) and op.follows in ops}
    lengths = [name for name, op in ops.items() if isinstance(op.init, NormsOfKernel)]
    values = _values({name: op for name, op in ops.items() if name not in (*followed, *lengths)}, key)
    values |= {name: _lengths(values[name.removesuffix(SUFFIX)], len(ops[name].stack)) for name in lengths}
    values |= {name: values[other] for name, other in followed.items()}
    weights, state = ({node.name: values[node.name] for node in graph.sources(kind)} for kind in ("parameter", "state"))
    return weights, state


def _lengths(kernel: "jax.Array", stacked: int) -> "jax.Array":
    """Norms over all axes but those of the layers, in front, and that of the units, the last."""
    return jnp.sqrt(jnp.square(kernel).sum(tuple(range(stacked, kernel.ndim - 1))))


def _values(ops: dict[str, Any], key: "jax.Array") -> "dict[str, jax.Array]":
    """Arrays that start by the same rule are drawn together: XLA compiles the rule once, however many layers there are."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for name, op in ops.items():
        rule = (_initializer(op), op.shape, op.fan_in, op.fan_out, len(numbers_of(name, op.stack)))
        groups.setdefault(rule, []).append(name)
    found: dict[str, jax.Array] = {}
    for (initializer, shape, fan_in, fan_out, _), names in groups.items():
        rows = [numbers_of(name, indices) for name in names for indices in _indices(ops[name])]
        keys = wrapped(key, fold(key, rows))
        layers = jax.vmap(lambda key, rule=(initializer, shape, fan_in, fan_out): rule[0].sample(key, *rule[1:]))(keys)
        found |= _apart(layers, {name: ops[name] for name in names})
    return found


def _initializer(op: Any) -> Initializer:
    # Without an activation to choose by, as in a graph that was made by hand.
    return op.init or GlorotUniform()


def _indices(op: Any) -> list[tuple[int, ...]]:
    """The indices of the layers that an array holds."""
    return list(product(*(range(start, start + count) for start, count in op.stack)))


def _apart(layers: "jax.Array", ops: dict[str, Any]) -> "dict[str, jax.Array]":
    """The array of every name from the layers of all."""
    found: dict[str, jax.Array] = {}
    start = 0
    for name, op in ops.items():
        counts = tuple(count for _, count in op.stack)
        end = start + prod(counts)
        found[name] = jnp.reshape(layers[start:end], (*counts, *op.shape)).astype(JAX_DTYPES[op.dtype])
        start = end
    return found

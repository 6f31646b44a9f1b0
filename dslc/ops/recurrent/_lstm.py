"""One step of an LSTM, and its reverse. Gates stand side by side in the order i f c o of Keras."""

from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._wide import widened

Gates = tuple[Any, Any, Any, Any]


def forward(joined: Any, cell: Any) -> tuple[Any, Any, Gates]:
    """Next state, next cell and the open gates, from the sum of the products with input and state, and the cell."""
    i, f, g, o = jnp.split(widened(joined), 4, -1)
    gates = (lax.logistic(i), lax.logistic(f), jnp.tanh(g), lax.logistic(o))
    i, f, g, o = gates
    cell = f * cell + i * g
    dtype = joined.dtype
    return (o * jnp.tanh(cell)).astype(dtype), cell, tuple(gate.astype(dtype) for gate in gates)  # pyright: ignore[reportReturnType]


def backward(by_state: Any, by_cell: Any, gates: Gates, cell: Any, before: Any) -> tuple[Any, Any]:
    """Gradients of the sum and of the cell before, from those of next state and next cell."""
    i, f, g, o = (widened(gate) for gate in gates)
    bent = jnp.tanh(cell)
    by_cell = by_cell + by_state * o * (1 - bent * bent)
    parts = (
        by_cell * g * i * (1 - i),
        by_cell * before * f * (1 - f),
        by_cell * i * (1 - g * g),
        by_state * bent * o * (1 - o),
    )
    return jnp.concatenate(parts, -1), by_cell * f


FLOPS = 26
"""Operations of a step for each unit besides the products: 4 for each logistic function, as `sigmoid` counts them."""

"""One step of a GRU, and its reverse. Gates stand side by side in the order z r h of Keras."""

from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._wide import widened

Gates = tuple[Any, Any, Any, Any]
"""Update and reset gate, the new value, and its part that came from the state."""


def forward(by_input: Any, by_state: Any, state: Any) -> tuple[Any, Gates]:
    """Next state and what its reverse reads, from the products with input and state, biases added."""
    z, r, n = jnp.split(widened(by_input), 3, -1)
    from_z, from_r, from_n = jnp.split(widened(by_state), 3, -1)
    z, r = lax.logistic(z + from_z), lax.logistic(r + from_r)
    n = jnp.tanh(n + r * from_n)
    following = z * widened(state) + (1 - z) * n
    return following.astype(state.dtype), tuple(gate.astype(state.dtype) for gate in (z, r, n, from_n))  # pyright: ignore[reportReturnType]


def backward(gradient: Any, gates: Gates, state: Any) -> tuple[Any, Any, Any]:
    """Gradients of both products, and of the state past them, from that of the next state."""
    z, r, n, from_n = (widened(gate) for gate in gates)
    by_n = gradient * (1 - z) * (1 - n * n)
    by_z = gradient * (widened(state) - n) * z * (1 - z)
    by_r = by_n * from_n * r * (1 - r)
    return jnp.concatenate([by_z, by_r, by_n], -1), jnp.concatenate([by_z, by_r, by_n * r], -1), gradient * z


FLOPS = 24
"""Operations of a step for each unit besides the products: 4 for each logistic function, as `sigmoid` counts them."""

"""Rules that look at whole weights: each layer of a stacked weight is one by itself."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dslc.lazy import jnp, optax

if TYPE_CHECKING:
    from optax import GradientTransformation

Stacked = Mapping[str, int]
"""How many first axes of a weight, by its name, are those of layers; 0 where the name is missing."""


def by_weight(change: Callable[[Any, Any, int], Any], stacked: Stacked) -> "GradientTransformation":
    """A part of a rule that keeps nothing: from an update, its weight and the number of stacked axes to an update."""

    def update(updates: Any, weights: Any) -> Any:
        return {name: change(array, weights[name], stacked.get(name, 0)) for name, array in updates.items()}

    return optax.stateless(update)


def norm(array: Any, stacked: int) -> Any:
    """Euclidean norm of each layer, of a shape that broadcasts to the array."""
    return jnp.sqrt(jnp.sum(array * array, axis=tuple(range(stacked, array.ndim)), keepdims=True))


def rms(array: Any, stacked: int) -> Any:
    """Root of the mean square of each layer, of a shape that broadcasts to the array."""
    return jnp.sqrt(jnp.mean(array * array, axis=tuple(range(stacked, array.ndim)), keepdims=True))


def times(array: Any, factor: Any) -> Any:
    """A product with a factor for each layer."""
    return array * jnp.broadcast_to(factor, array.shape).astype(array.dtype)


def orthogonal(matrix: Any, steps: int = 5, eps: float = 1e-7) -> Any:
    """About the nearest matrix of orthonormal rows or columns, by an iteration of products (Newton and Schulz).

    Its singular values lie between 0.7 and 1.2 after five steps. Any first axes are those of layers.

    Reference: Jordan et al., 2024, Muon: an optimizer for hidden layers in neural networks.
    """
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = jnp.swapaxes(matrix, -1, -2) if tall else matrix
    x = times(x, 1 / jnp.maximum(jnp.sqrt(jnp.sum(x * x, axis=(-2, -1), keepdims=True)), eps))
    for _ in range(steps):
        gram = x @ jnp.swapaxes(x, -1, -2)
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * (gram @ gram)) @ x
    return jnp.swapaxes(x, -1, -2) if tall else x

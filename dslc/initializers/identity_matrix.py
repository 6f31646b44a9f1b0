"""Maps that change nothing."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class IdentityMatrix(Initializer):
    """Identity matrix times `gain`: at first a layer hands on what it gets.

    A convolution has it at the middle of its window, and zeros around; a vector is a diagonal, all `gain`.

    Reference: Le, Jaitly and Hinton, 2015, arXiv:1504.00941.
    """

    gain: float = 1.0

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        if len(shape) < 2:
            return jnp.full(shape, self.gain, jnp.float32)
        # The window of "same" padding has the odd place at its end.
        middle = tuple((size - 1) // 2 for size in shape[:-2])
        return jnp.zeros(shape, jnp.float32).at[middle].set(self.gain * jnp.eye(*shape[-2:], dtype=jnp.float32))

"""Matrices that keep lengths."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class Orthogonal(Initializer):
    """Columns, or rows where there are fewer, of length `gain` and at right angles: a signal neither grows nor fades.

    The axes before the last count as one.

    Reference: Saxe, McClelland and Ganguli, 2013, arXiv:1312.6120.
    """

    gain: float = 1.0

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        if len(shape) < 2:  # A vector is one column.
            return self.sample(key, (*shape, 1) if shape else (1, 1), fan_in, fan_out).reshape(shape)
        return jax.nn.initializers.orthogonal(self.gain)(key, shape, jnp.float32)

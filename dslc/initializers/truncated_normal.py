"""Gaussian values without tails."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class TruncatedNormal(Initializer):
    """Gaussian values with standard deviation `std`, of which those beyond `2 * std` are drawn again.

    What is left has a standard deviation of `0.8796 * std`: `std` is that of the Gaussian before the cut, as in Keras.
    """

    std: float
    aliases = ("trunc_normal",)

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return self.std * jax.random.truncated_normal(key, -2.0, 2.0, shape, jnp.float32)

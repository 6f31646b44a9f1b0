"""Gaussian values of a given spread."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class Normal(Initializer):
    """Gaussian values with mean 0 and standard deviation `std`, whatever the shape."""

    std: float
    aliases = ("RandomNormal",)

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return self.std * jax.random.normal(key, shape, jnp.float32)

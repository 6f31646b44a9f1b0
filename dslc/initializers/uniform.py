"""Even values between two bounds."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class Uniform(Initializer):
    """Even values in `[-limit, limit)`, whatever the shape."""

    limit: float
    aliases = ("RandomUniform",)

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return jax.random.uniform(key, shape, jnp.float32, -self.limit, self.limit)

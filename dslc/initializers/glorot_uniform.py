"""Even values for layers whose slope is about 1 at the origin."""

import math

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class GlorotUniform(Initializer):
    """Even values of variance `2 / (fan_in + fan_out)`: tanh, sigmoid, softmax and plain outputs.

    Reference: Glorot and Bengio, 2010, Understanding the difficulty of training deep feedforward neural networks.
    """

    aliases = ("xavier_uniform",)

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        limit = math.sqrt(3 * 2 / (fan_in + fan_out))
        return jax.random.uniform(key, shape, jnp.float32, -limit, limit)

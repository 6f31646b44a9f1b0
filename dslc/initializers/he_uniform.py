"""Even values for layers before a relu."""

import math

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class HeUniform(Initializer):
    """Even values of variance `2 / fan_in`: relu and its family, which let half of the signal through.

    Reference: He, Zhang, Ren and Sun, 2015, arXiv:1502.01852.
    """

    aliases = ("kaiming_uniform",)

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        limit = math.sqrt(3 * 2 / fan_in)
        return jax.random.uniform(key, shape, jnp.float32, -limit, limit)

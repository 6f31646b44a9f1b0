"""Even values that keep the variance of the signal."""

import math

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class LecunUniform(Initializer):
    """Even values of variance `1 / fan_in`: layers whose inputs are independent.

    Reference: LeCun, Bottou, Orr and Müller, 1998, Efficient BackProp.
    """

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        limit = math.sqrt(3 * 1 / fan_in)
        return jax.random.uniform(key, shape, jnp.float32, -limit, limit)

"""Gaussian values that keep the variance of the signal."""

import math

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class LecunNormal(Initializer):
    """Gaussian values of variance `1 / fan_in`, without a cut: selu, and layers whose inputs are independent.

    Reference: LeCun, Bottou, Orr and Müller, 1998, Efficient BackProp.
    """

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return math.sqrt(1 / fan_in) * jax.random.normal(key, shape, jnp.float32)

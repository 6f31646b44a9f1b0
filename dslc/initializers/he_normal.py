"""Gaussian values for layers before a relu."""

import math

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class HeNormal(Initializer):
    """Gaussian values of variance `2 / fan_in`, without a cut: relu and its family, which let half of the signal through.

    Reference: He, Zhang, Ren and Sun, 2015, arXiv:1502.01852.
    """

    aliases = ("kaiming_normal",)

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return math.sqrt(2 / fan_in) * jax.random.normal(key, shape, jnp.float32)

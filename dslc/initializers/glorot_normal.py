"""Gaussian values for layers whose slope is about 1 at the origin."""

import math

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class GlorotNormal(Initializer):
    """Gaussian values of variance `2 / (fan_in + fan_out)`, without a cut: tanh, sigmoid, softmax and plain outputs.

    Reference: Glorot and Bengio, 2010, Understanding the difficulty of training deep feedforward neural networks.
    """

    aliases = ("xavier_normal",)

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return math.sqrt(2 / (fan_in + fan_out)) * jax.random.normal(key, shape, jnp.float32)

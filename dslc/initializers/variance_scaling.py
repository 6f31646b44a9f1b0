"""Values whose variance follows from the fans, in any of the usual ways."""

import math
from typing import Literal

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp
from dslc.ops.base import Mismatch

LEFT = 0.8796256610342398
"""Standard deviation of a Gaussian of deviation 1 that is cut at 2."""


@initializer
class VarianceScaling(Initializer):
    """Values of variance `scale / fan`, with the fan of the inputs ("in"), of the outputs ("out") or their mean ("mean").

    `variance_scaling(2)` is `he_normal`, `variance_scaling(1, "mean", "uniform")` is `glorot_uniform`. "truncated" is a
    Gaussian cut at two of its deviations, made wider so that this variance is left.

    Reference: He, Zhang, Ren and Sun, 2015, arXiv:1502.01852.
    """

    scale: float = 1.0
    fan: Literal["in", "out", "mean"] = "in"
    shape: Literal["normal", "uniform", "truncated"] = "normal"
    aliases = ("VarianceScaling",)

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise Mismatch(f"`scale = {self.scale:g}` must be above 0", "variance_scaling(scale = 2)")

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        fan = {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2}[self.fan]
        std = math.sqrt(self.scale / fan)
        if self.shape == "uniform":
            return jax.random.uniform(key, shape, jnp.float32, -math.sqrt(3) * std, math.sqrt(3) * std)
        if self.shape == "normal":
            return std * jax.random.normal(key, shape, jnp.float32)
        return std / LEFT * jax.random.truncated_normal(key, -2.0, 2.0, shape, jnp.float32)

"""All ones."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class Ones(Initializer):
    """All ones: where the scale of a normalization starts."""

    @property
    def everywhere(self) -> float:
        return 1.0

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return jnp.ones(shape, jnp.float32)

"""All zeros."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class Zeros(Initializer):
    """All zeros: where a bias starts."""

    @property
    def everywhere(self) -> float:
        return 0.0

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return jnp.zeros(shape, jnp.float32)

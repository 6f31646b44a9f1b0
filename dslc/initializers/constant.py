"""One value everywhere."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class Constant(Initializer):
    """One value everywhere."""

    value: float

    @property
    def everywhere(self) -> float:
        return self.value

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        return jnp.full(shape, self.value, jnp.float32)

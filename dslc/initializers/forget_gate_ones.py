"""An LSTM that remembers at first."""

from dslc.initializers.base import Initializer, initializer
from dslc.lazy import jax, jnp


@initializer
class ForgetGateOnes(Initializer):
    """Ones in the second quarter and zeros elsewhere: the bias of an LSTM whose gates are i f c o, forget gate open.

    Reference: Gers, Schmidhuber and Cummins, 2000; Jozefowicz, Zaremba and Sutskever, 2015.
    """

    def sample(self, key: "jax.Array", shape: tuple[int, ...], fan_in: int, fan_out: int) -> "jax.Array":
        quarter = shape[-1] // 4
        return jnp.zeros(shape, jnp.float32).at[..., quarter : 2 * quarter].set(1.0)

"""One learning rate for the whole run."""

from typing import TYPE_CHECKING

from dslc.lazy import jnp
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class Constant(Schedule):
    """The same learning rate `lr` at every step."""

    lr: float

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        return jnp.asarray(self.lr, float)

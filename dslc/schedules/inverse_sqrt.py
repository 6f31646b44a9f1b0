"""A learning rate that rises at first and then falls with the root of time."""

from typing import TYPE_CHECKING

from dslc.lazy import jnp
from dslc.plan import Duration
from dslc.schedules._shapes import real
from dslc.schedules.base import Length, Schedule, schedule

if TYPE_CHECKING:
    import jax


@schedule
class InverseSqrt(Schedule):
    """Rises in a straight line to `lr` at step `warmup`, then falls as `lr * sqrt(warmup / step)`; steps count from 1.

    That of the transformer with width d is `lr = (d * warmup) ** -0.5`.
    Reference: Vaswani et al., 2017, Attention Is All You Need, arXiv:1706.03762.
    """

    lr: float
    warmup: Duration
    aliases = ("noam", "rsqrt", "InverseSquareRoot")

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        first, now = max(length.steps(self.warmup), 1), real(step) + 1.0
        return self.lr * jnp.minimum(now / first, jnp.sqrt(first / now))

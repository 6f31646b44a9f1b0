"""Pieces that schedules are made of. All of them can be traced."""

from typing import TYPE_CHECKING

from dslc.lazy import jnp

if TYPE_CHECKING:
    import jax


def real(step: "jax.Array | int") -> "jax.Array":
    """The step as a float scalar."""
    return jnp.asarray(step, float)


def half_cosine(done: "jax.Array", lr: float, floor: float) -> "jax.Array":
    """From `lr` at 0 down to `floor` at 1 along half a cosine, and `floor` beyond."""
    return floor + 0.5 * (lr - floor) * (1.0 + jnp.cos(jnp.pi * jnp.clip(done, 0.0, 1.0)))


def ramp(step: "jax.Array", warmup: int) -> "jax.Array":
    """Share of the full rate: `(step + 1) / (warmup + 1)` in the warm-up, 1 after it."""
    return jnp.minimum(1.0, (step + 1.0) / (warmup + 1))

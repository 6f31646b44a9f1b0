"""Dropout that keeps the mean and the variance."""

import math
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.noise._dropping import Dropping
from dslc.ops.noise._hash import dropping_key, survivors

LEAST = -1.7580993408473766
"""What a selu of minus infinity gives: minus its scale times its alpha."""


@op
class AlphaDropout(Dropping):
    """In training each element becomes the least value of a selu with probability `rate`; mean 0 and variance 1 stay.

    With the others, what came in with mean 0 and variance 1 is scaled and shifted so that it goes out with both. For
    networks of `selu`; the identity outside of training.

    Shapes: `[...]` to the same.
    Reference: Klambauer, Unterthiner, Mayr and Hochreiter, 2017, arXiv:1706.02515.
    """

    rate: float

    numbers = ()  # the scale is worked out in Python
    samples = (
        Sample(
            "alpha_dropout(0.5)",
            ("[batch, 3]",),
            "[batch, 3]",
            parameters=0,
            given=([[1.0, -2.0, 3.0]],),
            gives=[[1.0, -2.0, 3.0]],
            source="by hand: the identity outside of training",
        ),
        Refused("alpha_dropout(1.0)", ("[batch, 3]",), "below 1"),
        Refused("alpha_dropout(0.1)", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        key = dropping_key(ctx, self.rate)
        if key is None:
            return x
        scale = self._scale()
        # The mean of what is dropped, taken off again.
        shift = -scale * self.rate * LEAST
        return scale * jnp.where(survivors(key, x.shape, self.rate), x, jnp.asarray(LEAST, x.dtype)) + shift

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        key = dropping_key(ctx, self.rate)
        if key is None:
            return {"x": gradient}
        return {"x": jnp.where(survivors(key, gradient.shape, self.rate), self._scale() * gradient, 0)}

    def _scale(self) -> float:
        """One over the deviation after dropping from a variance of 1."""
        stays = 1 - self.rate
        return 1 / math.sqrt(stays * (1 + self.rate * LEAST**2))

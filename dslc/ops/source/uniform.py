"""Evenly spread random numbers."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jax, jnp
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, moved, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Uniform(Source):
    """Random numbers spread evenly from `low` up to below `high`, drawn anew at each step.

    Shapes: nothing to `[shape]`.
    """

    shape: tuple[Size, ...]
    low: float = 0.0
    high: float = 1.0
    aliases = ("Rand",)
    random = True
    samples = (
        Sample("uniform([batch, 3])", (), "[batch, 3]"),
        Sample("uniform([2], 3.0, 3.0)", (), "[2]", gives=[3.0, 3.0], source="worked by hand: no spread"),
        Refused("uniform([0])", (), "at least 1"),
        Refused("uniform([2], 1.0, 0.0)", (), "above"),
    )

    def infer(self) -> Type:
        if self.low > self.high:
            raise Mismatch(f"`low = {self.low}` is above `high = {self.high}`", "change them round")
        return filled(self.shape)

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        key: Any = ctx.key
        shape: Any = self.shape
        return self.low + (self.high - self.low) * jax.random.uniform(key, shape, jnp.float32)

    def cost(self) -> Cost:
        return Cost(2 * elements([self.infer()]), moved(self.infer()))

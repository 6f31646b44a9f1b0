"""Gaussian random numbers."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jax, jnp
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, moved, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Normal(Source):
    """Gaussian random numbers, drawn anew at each step.

    Shapes: nothing to `[shape]`.
    """

    shape: tuple[Size, ...]
    mean: float = 0.0
    std: float = 1.0
    aliases = ("Randn", "Gaussian")
    random = True
    samples = (
        Sample("normal([batch, 3])", (), "[batch, 3]"),
        Sample("normal([2], mean = 5.0, std = 0.0)", (), "[2]", gives=[5.0, 5.0], source="worked by hand: no spread"),
        Refused("normal([0])", (), "at least 1"),
        Refused("normal([2], std = -1.0)", (), "below zero"),
    )

    def infer(self) -> Type:
        if self.std < 0:
            raise Mismatch(f"`std = {self.std}` is below zero", "use its positive")
        return filled(self.shape)

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        key: Any = ctx.key
        shape: Any = self.shape
        return self.mean + self.std * jax.random.normal(key, shape, jnp.float32)

    def cost(self) -> Cost:
        return Cost(2 * elements([self.infer()]), moved(self.infer()))

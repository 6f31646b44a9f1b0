"""Gumbel random numbers."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jax, jnp
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, moved, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Gumbel(Source):
    """Random numbers of a Gumbel distribution: added to logits, the largest is a draw from their softmax.

    Their mean is `location + 0.5772 * scale`. A softmax of logits with this noise is a relaxed draw, through which
    gradients go: `(logits + gumbel([batch, 10])) / temperature -> softmax`.

    Shapes: nothing to `[shape]`.
    Reference: Gumbel, 1954; Jang, Gu and Poole, 2016, arXiv:1611.01144.
    """

    shape: tuple[Size, ...]
    location: float = 0.0
    scale: float = 1.0
    random = True
    samples = (
        Sample("gumbel([batch, 3])", (), "[batch, 3]"),
        Sample("gumbel([2], 5.0, scale = 0.0)", (), "[2]", gives=[5.0, 5.0], source="worked by hand: no spread"),
        Refused("gumbel([0])", (), "at least 1"),
        Refused("gumbel([2], scale = -1.0)", (), "below zero"),
    )

    def infer(self) -> Type:
        if self.scale < 0:
            raise Mismatch(f"`scale = {self.scale}` is below zero", "use its positive")
        return filled(self.shape)

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        key: Any = ctx.key
        shape: Any = self.shape
        return self.location + self.scale * jax.random.gumbel(key, shape, jnp.float32)

    def cost(self) -> Cost:
        return Cost(2 * elements([self.infer()]), moved(self.infer()))

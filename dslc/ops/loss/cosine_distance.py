"""Angle between rows."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import must_equal, rows_of
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, reduced, reduced_type, reduction_flops
from dslc.types import Type

LEAST = 1e-8
"""Lengths below this count as this, as in PyTorch."""


@loss
class CosineDistance(Loss):
    """One minus the cosine of the angle between rows: 0 for the same direction, 2 for opposite ones.

    Shapes: `[..., n]` and `[..., n]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Salton, Wong and Yang, 1975, A vector space model for automatic indexing.
    """

    reduce: Reduce = "mean"

    aliases = ("CosineSimilarity", "CosineEmbeddingLoss", "cosine_similarity")
    samples = (
        Sample(
            "cosine_distance",
            ("[2, 2]", "[2, 2]"),
            "[]",
            given=([[3.0, 4.0], [1.0, 0.0]], [[4.0, 3.0], [-2.0, 0.0]]),
            gives=1.02,
            source="by hand: (1 - 24 / 25 + 2) / 2",
        ),
        Sample("cosine_distance", ("[batch, seq, 3]", "[batch, seq, 3]", "bool[batch, seq]"), "[]"),
        Sample('cosine_distance("none")', ("[batch, 4]", "[batch, 4]"), "[batch]"),
        Refused("cosine_distance", ("[batch, 3]", "[batch, 4]"), "`target` is [batch, 4]"),
        Refused("cosine_distance", ("[]", "[]"), "a single number"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        floating(x)
        rows = rows_of(x)
        must_equal(x, target, "target", 1)
        return reduced_type(rows, self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, target = heeded(weight, x.shape[:-1], widened(x), widened(target))
        product = jnp.sum(x * target, axis=-1)
        square = _square(x) * _square(target)
        return reduced(1 - product / jnp.sqrt(square), weight, self.reduce)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        flops = 6 * elements([x]) + (6 + reduction_flops(self.reduce, weight)) * elements([rows_of(x)])
        return Cost(flops, moved(x, target, weight, out))


def _square(x: Any) -> Any:
    return jnp.maximum(jnp.sum(x * x, axis=-1), LEAST**2)

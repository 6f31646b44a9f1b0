"""Distances in pairs."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import length, must_equal, rows_of
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, must_broadcast, reduced, reduction_flops
from dslc.types import Type


@loss
class Contrastive(Loss):
    """Half the squared distance of rows that belong together, and for others half the square of what lacks to `margin`.

    `same` is 1 (or true) for a pair that belongs together and 0 for one that does not.

    Shapes: `[..., n]`, `[..., n]` and `[...]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Hadsell, Chopra and LeCun, 2006, Dimensionality reduction by learning an invariant mapping.
    """

    margin: float = 1.0
    reduce: Reduce = "mean"

    aliases = ("ContrastiveLoss", "contrastive_loss")
    samples = (
        Sample(
            "contrastive",
            ("[3, 2]", "[3, 2]", "i32[3]"),
            "[]",
            given=([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]], [[3.0, 4.0], [0.3, 0.4], [3.0, 4.0]], [1, 0, 0]),
            gives=4.208333333333333,
            source="by hand: (25 / 2 + 0.5 * 0.5 / 2 + 0) / 3",
        ),
        Sample("contrastive(2)", ("[batch, 8]", "[batch, 8]", "bool[batch]", "[batch]"), "[]"),
        Refused("contrastive(0)", ("[batch, 8]", "[batch, 8]", "bool[batch]"), "must be above 0"),
        Refused("contrastive", ("[batch, 8]", "[batch, 8]", "bool[batch, 1]"), "`same` is bool[batch, 1]"),
    )

    def infer(self, x: Type, other: Type, same: Type, weight: Type | None = None) -> Type:
        if not self.margin > 0:
            raise Mismatch(f"`margin = {self.margin:g}` must be above 0", "contrastive(margin = 1)")
        floating(x)
        rows = rows_of(x)
        must_equal(x, other, "other", 1)
        must_broadcast(same, rows.shape, "same", 2)
        if weight is not None:
            must_broadcast(weight, rows.shape, "weight", 3)
        return Type(() if self.reduce in ("mean", "sum") else rows.shape, wide(x.dtype))

    def apply(self, weights: Any, x: Any, other: Any, same: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, other = widened(x), widened(other)
        share = jnp.broadcast_to(same, x.shape[:-1]).astype(x.dtype)
        x, other, share = heeded(weight, share.shape, x, other, share)
        distance = length(x - other)
        lacking = jnp.maximum(self.margin - distance, 0)
        losses = 0.5 * (share * distance * distance + (1 - share) * lacking * lacking)
        return reduced(losses, weight, self.reduce)

    def cost(self, x: Type, other: Type, same: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, other, same, weight)
        flops = 3 * elements([x]) + (12 + reduction_flops(self.reduce, weight)) * elements([rows_of(x)])
        return Cost(flops, moved(x, other, same, weight, out))

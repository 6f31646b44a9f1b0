"""Distances in threes."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import length, must_equal, rows_of
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, must_broadcast, reduced, reduction_flops
from dslc.types import Type


@loss
class Triplet(Loss):
    """How much nearer than `margin` a row (`x`) is to one of another kind than to one of its own.

    It is `max(0, d(x, positive) - d(x, negative) + margin)` with the Euclidean distance d.

    Shapes: `[..., n]`, `[..., n]` and `[..., n]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Weinberger and Saul, 2009; Schroff, Kalenichenko and Philbin, 2015, arXiv:1503.03832.
    """

    margin: float
    reduce: Reduce = "mean"

    aliases = ("TripletMarginLoss", "triplet_margin_loss", "TripletLoss")
    samples = (
        Sample(
            "triplet(margin = 1)",
            ("[2, 2]", "[2, 2]", "[2, 2]"),
            "[]",
            given=([[0.0, 0.0], [1.0, 0.0]], [[3.0, 4.0], [1.0, 1.0]], [[0.0, 2.0], [9.0, 0.0]]),
            gives=2.0,
            source="by hand: (5 - 2 + 1 + 0) / 2",
        ),
        Sample("triplet(0.5)", ("[batch, 8]", "[batch, 8]", "[batch, 8]", "[batch]"), "[]"),
        Refused("triplet(-1)", ("[batch, 8]", "[batch, 8]", "[batch, 8]"), "must be at least 0"),
        Refused("triplet(1)", ("[batch, 8]", "[batch, 8]", "[batch, 4]"), "`negative` is [batch, 4]"),
    )

    def infer(self, x: Type, positive: Type, negative: Type, weight: Type | None = None) -> Type:
        if not self.margin >= 0:
            raise Mismatch(f"`margin = {self.margin:g}` must be at least 0", "triplet(margin = 1)")
        floating(x)
        rows = rows_of(x)
        must_equal(x, positive, "positive", 1)
        must_equal(x, negative, "negative", 2)
        if weight is not None:
            must_broadcast(weight, rows.shape, "weight", 3)
        return Type(() if self.reduce in ("mean", "sum") else rows.shape, wide(x.dtype))

    def apply(self, weights: Any, x: Any, positive: Any, negative: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, positive, negative = heeded(weight, x.shape[:-1], widened(x), widened(positive), widened(negative))
        behind = length(x - positive) - length(x - negative) + self.margin
        return reduced(jnp.maximum(behind, 0), weight, self.reduce)

    def cost(self, x: Type, positive: Type, negative: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, positive, negative, weight)
        flops = 6 * elements([x]) + (9 + reduction_flops(self.reduce, weight)) * elements([rows_of(x)])
        return Cost(flops, moved(x, positive, negative, weight, out))

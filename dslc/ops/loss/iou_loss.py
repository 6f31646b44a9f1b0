"""Overlap of boxes."""

from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops._boxes import overlap
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import must_equal, rows_of
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, reduced, reduced_type, reduction_flops
from dslc.types import Type


@loss
class IouLoss(Loss):
    """One minus the intersection of two boxes over their union, of boxes given by two corners.

    The last axis holds `x1, y1, x2, y2` with `x1 <= x2` and `y1 <= y2`. With `generalized` the share of the smallest
    box around both that neither of them covers is added: boxes that do not meet have a slope, too.

    Shapes: `[..., 4]` and `[..., 4]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Yu et al., 2016, arXiv:1608.01471; Rezatofighi et al., 2019, arXiv:1902.09630.
    """

    generalized: bool = False
    reduce: Reduce = "mean"

    aliases = ("IoULoss", "giou_loss", "generalized_box_iou_loss")
    samples = (
        Sample(
            "iou_loss",
            ("[2, 4]", "[2, 4]"),
            "[]",
            given=([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], [[1.0, 1.0, 3.0, 3.0], [2.0, 0.0, 3.0, 1.0]]),
            gives=0.9285714285714286,
            source="by hand: (1 - 1 / 7 + 1) / 2",
        ),
        Sample(
            "iou_loss(true)",
            ("[2, 4]", "[2, 4]"),
            "[]",
            given=([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]], [[1.0, 1.0, 3.0, 3.0], [2.0, 0.0, 3.0, 1.0]]),
            gives=1.2063492063492063,
            source="by hand: (6 / 7 + 2 / 9 + 1 + 1 / 3) / 2",
        ),
        Sample('iou_loss(reduce = "none")', ("[batch, n, 4]", "[batch, n, 4]", "bool[batch, n]"), "[batch, n]"),
        Refused("iou_loss", ("[batch, 5]", "[batch, 5]"), "4 numbers"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        floating(x)
        rows = rows_of(x)
        if not same(x.shape[-1], 4):
            raise Mismatch(f"needs boxes of 4 numbers along the last axis, and gets {x}", "use `it[..., :4]`", 0)
        must_equal(x, target, "target", 1)
        return reduced_type(rows, self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, target = heeded(weight, x.shape[:-1], widened(x), widened(target))
        share, union, around = overlap(x, target)
        losses = 1 - share
        if self.generalized:
            there = around > 0
            losses = losses + jnp.where(there, (around - union) / jnp.where(there, around, 1), 0)
        return reduced(losses, weight, self.reduce)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        flops = 23 + 12 * self.generalized + reduction_flops(self.reduce, weight)
        return Cost(flops * elements([rows_of(x)]), moved(x, target, weight, out))

"""Coefficient of determination."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, moved
from dslc.ops.metric._differences import SKIPPING, compared, sums_type
from dslc.ops.metric.base import Metric, metric
from dslc.types import Type


@metric
class R2(Metric):
    """Share of the variance of the target that the prediction explains: 1 is perfect, 0 no better than the mean.

    Of several outputs along the last axis the mean of their shares; one whose target never changes counts 1 where it is
    met and 0 elsewhere, as in scikit-learn.

    Shapes: `[batch]` or `[..., outputs]` and a target that broadcasts to it (and a weight, likewise) to sums `[4, outputs]`.
    Reference: Wright, 1921, Correlation and causation.
    """

    aliases = ("R2Score", "r_squared")
    samples = (
        Sample(
            "r2",
            ("[batch, 1]", "[batch, 1]"),
            "[4, 1]",
            given=([[1.0], [2.0], [5.0]], [[1.0], [4.0], [4.0]]),
            gives=[[3.0], [9.0], [33.0], [5.0]],
            source="by hand: of weights, targets, their squares, and squared errors",
        ),
        Sample("r2", ("[batch]", "[batch]", "[batch]"), "[4, 1]"),
        Sample("r2", ("[batch, 3]", "[batch, 3]"), "[4, 3]"),
        Refused("r2", ("[]", "[]"), "needs a batch"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if x.rank == 0:
            raise Mismatch("needs a batch of predictions, and gets a single one", None, 0)
        return sums_type(x, target, weight, 4, x.shape[-1] if x.rank > 1 else 1)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        outputs = x.shape[-1] if x.ndim > 1 else 1
        x, target, weight = (array.reshape(-1, outputs) for array in compared(x, target, weight))
        parts = (weight, weight * target, weight * jnp.square(target), weight * jnp.square(x - target))
        return jnp.stack([part.sum(0) for part in parts])

    def result(self, sums: Any) -> float:
        count, total, squares, missed = sums
        if not count.all():
            return float("nan")
        # The sums of a constant target, rounded in float32, differ from a variance of 0 by about this much.
        spread = squares - total * total / count
        changes = spread > 3e-7 * squares
        shares = [1 - m / s if c else float(m == 0) for m, s, c in zip(missed, spread, changes, strict=True)]
        return float(sum(shares) / len(shares))

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        each = 9 + SKIPPING * (weight is not None)
        return Cost(each * elements([x]), moved(x, target, weight, self.infer(x, target, weight)))

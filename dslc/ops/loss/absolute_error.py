"""Absolute error."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss


@loss
class AbsoluteError(Elementwise):
    """Absolute difference of prediction and target; the slope where they are equal is 0.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Boscovich, 1757; Laplace, 1793.
    """

    reduce: Reduce = "mean"

    aliases = ("L1Loss", "MeanAbsoluteError", "mae_loss")
    flops = 2
    samples = (
        Sample(
            "absolute_error",
            ("[batch, 2]", "[batch, 2]"),
            "[]",
            given=([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [5.0, 0.0]]),
            gives=2.0,
            source="by hand: (0 + 2 + 2 + 4) / 4",
        ),
        Sample('absolute_error("sum")', ("[batch]", "[batch]"), "[]"),
        Refused("absolute_error", ("i32[batch]", "[batch]"), "needs floats"),
    )

    def losses(self, x: Any, target: Any) -> Any:
        return jnp.abs(x - target)

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        slope = jnp.sign(x - target)
        return slope, -slope

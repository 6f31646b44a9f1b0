"""Squared error."""

from typing import Any

from dslc.ops.base import Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss


@loss
class SquaredError(Elementwise):
    """Squared difference of prediction and target, without the half.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Gauss, 1809, Theoria motus.
    """

    reduce: Reduce = "mean"

    aliases = ("MSELoss", "MeanSquaredError", "mse_loss", "l2_loss")
    flops = 2
    samples = (
        Sample(
            "squared_error",
            ("[batch, 2]", "[batch, 2]"),
            "[]",
            given=([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 0.0]]),
            gives=7.25,
            source="by hand: (0 + 4 + 9 + 16) / 4",
        ),
        Sample(
            "squared_error",
            ("[3]", "[]", "[3]"),
            "[]",
            given=([1.0, 2.0, 4.0], 1.0, [1.0, 1.0, 2.0]),
            gives=4.75,
            source="by hand: (0 + 1 + 2 * 9) / 4",
        ),
        Sample("squared_error(none)", ("[batch, 2]", "[batch, 2]"), "[batch, 2]"),
        Refused("squared_error", ("[batch, 1]", "[batch]"), "`target` is [batch] where [batch, 1] is needed"),
    )

    def losses(self, x: Any, target: Any) -> Any:
        difference = x - target
        return difference * difference

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        slope = 2 * (x - target)
        return slope, -slope

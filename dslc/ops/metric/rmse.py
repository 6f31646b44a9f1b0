"""Root mean squared error."""

from typing import Any

from dslc.ops.base import Refused, Sample
from dslc.ops.metric.base import metric
from dslc.ops.metric.mse import Mse


@metric
class Rmse(Mse):
    """Root of the mean squared difference of prediction and target.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to sums `[2]`.
    """

    aliases = ("RootMeanSquaredError",)
    samples = (
        Sample(
            "rmse",
            ("[batch, 1]", "[batch, 1]"),
            "[2]",
            given=([[1.0], [2.0], [5.0]], [[1.0], [4.0], [4.0]]),
            gives=[5.0, 3.0],
            source="by hand: 0 + 4 + 1",
        ),
        Sample("rmse", ("[batch]", "[batch]", "bool[batch]"), "[2]"),
        Refused("rmse", ("[batch, 1]", "[batch]"), "`target` is [batch] where [batch, 1] is needed"),
    )

    def result(self, sums: Any) -> float:
        return super().result(sums) ** 0.5

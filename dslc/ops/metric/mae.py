"""Mean absolute error."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Refused, Sample, elements, moved
from dslc.ops.metric._differences import SKIPPING, compared, sums_type
from dslc.ops.metric.base import Metric, mean_of, metric
from dslc.types import Type


@metric
class Mae(Metric):
    """Mean absolute difference of prediction and target.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to sums `[2]`.
    """

    aliases = ("MeanAbsoluteError",)
    samples = (
        Sample(
            "mae",
            ("[batch, 1]", "[batch, 1]"),
            "[2]",
            given=([[1.0], [2.0], [5.0]], [[1.0], [4.0], [4.0]]),
            gives=[3.0, 3.0],
            source="by hand: 0 + 2 + 1",
        ),
        Sample("mae", ("[batch]", "[batch]", "bool[batch]"), "[2]"),
        Refused("mae", ("[batch, 1]", "[batch]"), "`target` is [batch] where [batch, 1] is needed"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        return sums_type(x, target, weight, 2)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, target, weight = compared(x, target, weight)
        return jnp.stack([(weight * jnp.abs(x - target)).sum(), weight.sum()])

    def result(self, sums: Any) -> float:
        return mean_of(sums)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        each = 4 + SKIPPING * (weight is not None)
        return Cost(each * elements([x]), moved(x, target, weight, self.infer(x, target, weight)))

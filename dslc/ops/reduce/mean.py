"""The mean along axes."""

from typing import Any

from dslc.ops._wide import to_sum
from dslc.ops.base import Context, Cost, Refused, Sample, elements, floating, moved, op
from dslc.ops.reduce.base import Reduction
from dslc.types import Type


@op
class Mean(Reduction):
    """Mean along axes.

    Shapes: `[..., n]` to `[...]`, or to `[..., 1]` with `keep`.
    """

    axis: int | tuple[int, ...] | None = None
    keep: bool = False
    aliases = ("ReduceMean", "Average")
    linear = True
    precision = "full"
    samples = (
        Sample("mean", ("[batch, 3]",), "[]"),
        Sample("mean(axis = [0, 1])", ("[batch, seq, 3]",), "[3]"),
        Sample("mean(axis = 1, keep = true)", ("[batch, 3]",), "[batch, 1]"),
        Sample(
            "mean(-1)", ("[2, 2]",), "[2]", given=([[1.0, 2.0], [3.0, 6.0]],), gives=[1.5, 4.5], source="worked by hand"
        ),
        Refused("mean(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("mean", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return to_sum(x).mean(self.axes(x.ndim), keepdims=self.keep)

    def cost(self, x: Type) -> Cost:
        return Cost(elements([x]), moved(x, self.infer(x)))

"""Table of right answers and guesses."""

from typing import Any

from dslc.dims import Size, less
from dslc.lazy import jnp
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, moved
from dslc.ops.metric._rows import answers, answers_flops, rows, weighed
from dslc.ops.metric.base import Metric, metric
from dslc.types import Type

MOST = 2_048
"""Classes of the largest table."""


@metric
class Confusion(Metric):
    """How often each class (a row) was taken for each class (a column), weighted where there are weights.

    Shapes: `[..., classes]` and `[...]` to `[classes, classes]`; `[...]` and a target of that shape to `[2, 2]`.
    """

    aliases = ("ConfusionMatrix",)
    samples = (
        Sample(
            "confusion",
            ("[batch, 3]", "i32[batch]"),
            "[3, 3]",
            given=([[0.1, 0.7, 0.2], [3.0, 1.0, 2.0], [0.0, 0.5, 1.0]], [1, 2, 2]),
            gives=[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]],
            source="by hand",
        ),
        Sample("confusion", ("[batch]", "bool[batch]"), "[2, 2]"),
        Refused("confusion", ("[batch, 50257]", "i32[batch]"), "50257 classes"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        classes = self._classes(x, target, weight)
        if less(MOST, classes):
            raise Mismatch(f"a table of {classes} classes is too large: at most {MOST}", "use `accuracy`", 0)
        return Type((classes, classes), wide(x.dtype))

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        right, guess = answers(x, target)
        classes = 2 if right.shape == x.shape else x.shape[-1]
        table = jnp.zeros((classes, classes), widened(x).dtype)
        return table.at[right.ravel(), guess.ravel()].add(weighed(weight, right.shape, x).ravel())

    def result(self, sums: Any) -> Any:
        return sums

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        flops, count = answers_flops(x, target, weight)
        # The place in the table, checked against its size, and the sum there.
        return Cost(flops + 5 * count, moved(x, target, weight, self.infer(x, target, weight)))

    def _classes(self, x: Type, target: Type, weight: Type | None) -> Size:
        _, binary = rows(x, target, weight)
        return 2 if binary else x.shape[-1]

"""Correlation of guesses and answers."""

from typing import TYPE_CHECKING, Any

from dslc.dims import Size
from dslc.ops._wide import wide
from dslc.ops.base import Context, Cost, Refused, Sample, moved
from dslc.ops.metric._counts import counts
from dslc.ops.metric._rows import answers, answers_flops, rows, weighed
from dslc.ops.metric.base import Metric, metric
from dslc.types import Type

if TYPE_CHECKING:
    from numpy.typing import NDArray


@metric
class Mcc(Metric):
    """Matthews' correlation coefficient: 1 when all is right, 0 for guesses that know nothing, however rare a class is.

    Shapes: `[..., classes]` and `[...]` to sums `[3, classes]`; `[...]` and a target of that shape to `[3, 2]`.
    Reference: Matthews, 1975; for several classes Gorodkin, 2004.
    """

    aliases = ("MatthewsCorrCoef", "matthews_corrcoef", "MatthewsCorrelation")
    samples = (
        Sample(
            "mcc",
            ("[batch, 3]", "i32[batch]"),
            "[3, 3]",
            given=([[0.1, 0.7, 0.2], [3.0, 1.0, 2.0], [0.0, 0.5, 1.0]], [1, 2, 2]),
            gives=[[0.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 2.0]],
            source="by hand: rights, guesses and answers of each class",
        ),
        Sample("mcc", ("[batch, 1]", "bool[batch, 1]", "[batch, 1]"), "[3, 2]"),
        Refused("mcc", ("[batch, 3]", "[batch]"), "`target` is [batch]"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        _, binary = rows(x, target, weight)
        classes: Size = 2 if binary else x.shape[-1]
        return Type((3, classes), wide(x.dtype))

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        right, guess = answers(x, target)
        return counts(right, guess, weighed(weight, right.shape, x), 2 if right.shape == x.shape else x.shape[-1])

    def result(self, sums: "NDArray[Any]") -> float:
        hits, guessed, actual = sums
        total = guessed.sum()
        if not total:
            return float("nan")
        spread = (total**2 - (guessed**2).sum()) * (total**2 - (actual**2).sum())
        # Of one class alone nothing can correlate: 0, as in scikit-learn.
        return float((hits.sum() * total - (guessed * actual).sum()) / spread**0.5) if spread > 0 else 0.0

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        flops, count = answers_flops(x, target, weight)
        return Cost(flops + 16 * count, moved(x, target, weight, self.infer(x, target, weight)))

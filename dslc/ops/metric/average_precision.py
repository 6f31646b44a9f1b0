"""Precision at each step of recall."""

from typing import TYPE_CHECKING, Any

from dslc.lazy import np
from dslc.ops.base import Refused, Sample
from dslc.ops.metric._scores import Ranked
from dslc.ops.metric.base import metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


@metric
class AveragePrecision(Ranked):
    """Precision of the rows above each score, averaged over the steps of recall: the area under that curve, in stairs.

    For class numbers each class is asked for against the others, by its probability, and the mean is taken. A question
    without a yes is left out. Exact: the scores of the whole split are kept, 12 bytes for each question (for class
    numbers 4 for each class and 8 more a row).

    Shapes: `[..., c]` and a target of that shape to rows `[n, 3, c]`; `[..., classes]` and `[...]` to `[n, classes + 2]`.
    Reference: Salton and McGill, 1983, Introduction to Modern Information Retrieval.
    """

    aliases = ("average_precision_score", "pr_auc", "AUPRC", "ap")
    samples = (
        Sample(
            "average_precision",
            ("[2, 1]", "i32[2, 1]", "[2, 1]"),
            "[2, 3, 1]",
            given=([[0.5], [-1.0]], [[1], [0]], [[2.0], [0.5]]),
            gives=[[[0.5], [1.0], [2.0]], [[-1.0], [0.0], [0.5]]],
            source="by hand: score, answer and weight",
        ),
        Sample("average_precision", ("[batch, 3]", "i32[batch]"), "[batch, 5]"),
        Refused("average_precision", ("[batch, 3]", "[batch]"), "`target` is [batch]"),
    )

    def area(self, right: "NDArray[Any]", wrong: "NDArray[Any]") -> float:
        if not right[-1] > 0:
            return float("nan")
        told = right + wrong
        precision = right / np.where(told > 0, told, 1)
        return float((np.diff(np.append(0.0, right)) * precision).sum() / right[-1])

"""Area under the receiver operating characteristic."""

from typing import TYPE_CHECKING, Any

from dslc.lazy import np
from dslc.ops.base import Refused, Sample
from dslc.ops.metric._scores import Ranked
from dslc.ops.metric.base import metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


@metric
class Auc(Ranked):
    """How often a row with a yes has a larger logit than one with a no, ties counting half: the area under the ROC curve.

    For class numbers each class is asked for against the others, by its probability, and the mean is taken. A question
    that has one answer only is left out. Exact: the scores of the whole split are kept, 12 bytes for each question (for
    class numbers 4 for each class and 8 more a row).

    Shapes: `[..., c]` and a target of that shape to rows `[n, 3, c]`; `[..., classes]` and `[...]` to `[n, classes + 2]`.
    Reference: Hanley and McNeil, 1982.
    """

    aliases = ("roc_auc", "AUROC", "roc_auc_score", "ROCAUC")
    samples = (
        Sample(
            "auc",
            ("[3]", "bool[3]"),
            "[3, 3, 1]",
            given=([0.5, -1.0, 2.0], [True, False, True]),
            gives=[[[0.5], [1.0], [1.0]], [[-1.0], [0.0], [1.0]], [[2.0], [1.0], [1.0]]],
            source="by hand: score, answer and weight",
        ),
        Sample("auc", ("[batch, 3]", "i32[batch]", "[batch]"), "[batch, 5]"),
        Sample("auc", ("[batch, 4]", "i32[batch, 4]"), "[batch, 3, 4]"),
        Refused("auc", ("[batch, 3]", "[batch]"), "`target` is [batch]"),
    )

    def area(self, right: "NDArray[Any]", wrong: "NDArray[Any]") -> float:
        if not (right[-1] > 0 and wrong[-1] > 0):
            return float("nan")
        high, wide = np.append(0.0, right), np.append(0.0, wrong)
        return float((np.diff(wide) * (high[1:] + high[:-1])).sum() / (2 * right[-1] * wrong[-1]))

"""Precision and recall in one."""

from typing import TYPE_CHECKING, Any

from dslc.lazy import np
from dslc.ops.base import Refused, Sample
from dslc.ops.metric._counts import Average, Rates, share
from dslc.ops.metric.base import metric

if TYPE_CHECKING:
    from numpy.typing import NDArray


@metric
class F1(Rates):
    """Harmonic mean of precision and recall of a class, weighted where there are weights.

    The mean of the classes ("macro"), that of all guesses ("micro"), or each class ("none"); a class
    without guesses and answers has 0, as in scikit-learn.

    Shapes: `[..., classes]` and `[...]` to sums `[3, classes]`; `[...]` and a target of that shape to `[3, 1]`.
    Reference: van Rijsbergen, 1979, Information Retrieval.
    """

    average: Average = "macro"

    aliases = ("F1Score", "f1_score", "FBetaScore")
    samples = (
        Sample(
            "f1",
            ("[batch, 3]", "i32[batch]"),
            "[3, 3]",
            given=([[0.1, 0.7, 0.2], [3.0, 1.0, 2.0], [0.0, 0.5, 1.0]], [1, 2, 2]),
            gives=[[0.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 2.0]],
            source="by hand: rights, guesses and answers of each class",
        ),
        Sample('f1("micro")', ("[batch, seq, 5]", "i32[batch, seq]", "bool[batch, seq]"), "[3, 5]"),
        Sample("f1", ("[batch, 1]", "bool[batch, 1]"), "[3, 1]"),
        Refused("f1", ("[batch, 3]", "[batch]"), "`target` is [batch]"),
    )

    def rate(self, hits: "NDArray[Any]", guessed: "NDArray[Any]", actual: "NDArray[Any]") -> "NDArray[np.float64]":
        return share(2 * hits, guessed + actual)

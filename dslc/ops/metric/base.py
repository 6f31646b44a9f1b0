"""What a metric is: an op that turns a batch into sums, and a rule that turns the added sums into the value.

Sums of all batches are added, so a metric is exact over a split, however it was cut into batches. What no sums decide,
such as an area under a curve, gathers: rows of all batches are kept on the device, in order.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from dslc.ops.base import Op, op

if TYPE_CHECKING:
    import numpy as np


class Metric(Op):
    """`infer` and `apply` as in every op, with one output: the sums of the batch (float32, any shape)."""

    precision = "own"
    gathers: ClassVar[bool] = False
    """Gives rows, `[n, ...]`, to put after those of other batches, and no sums to add: costs their memory for a split."""

    def result(self, sums: "np.ndarray[Any, Any]") -> Any:
        """The value from the sums of all batches (or from all rows), as float64: a float, or an array such as confusion."""
        raise AssertionError(type(self).__name__)


metric = op


def mean_of(sums: "np.ndarray[Any, Any]") -> float:
    """A weighted sum over its sum of weights; not a number when nothing weighs anything."""
    return float(sums[0] / sums[1]) if sums[1] else float("nan")

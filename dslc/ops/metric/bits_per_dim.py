"""Mean cross-entropy in bits."""

from typing import Any

from dslc.lazy import np
from dslc.ops.base import Refused, Sample
from dslc.ops.metric.base import mean_of, metric
from dslc.ops.metric.perplexity import Perplexity


@metric
class BitsPerDim(Perplexity):
    """Mean cross-entropy in bits: what a perfect code by the model would take for each number of a picture or a text.

    Shapes: `[..., classes]` and `[...]` (and a weight that broadcasts to it) to sums `[2]`.
    Reference: Theis, van den Oord and Bethge, 2015, arXiv:1511.01844.
    """

    aliases = ("bpd", "bits_per_character", "bpc", "bits_per_byte")
    samples = (
        Sample(
            "bits_per_dim",
            ("[batch, 4]", "i32[batch]"),
            "[2]",
            given=([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [1, 2]),
            gives=[2.772588722239781, 2.0],
            source="by hand: 2 * log(4), 2 bits each",
        ),
        Sample("bits_per_dim", ("[batch, 8, 8, 1, 16]", "i32[batch, 8, 8, 1]"), "[2]"),
        Refused("bits_per_dim", ("[batch, 3]", "i32[batch, 1]"), "`target` is i32[batch, 1]"),
    )

    def result(self, sums: Any) -> float:
        return float(mean_of(sums) / np.log(2))

"""Dropout: random zeros in training."""

from dslc.ops.base import Refused, Sample, op
from dslc.ops.noise._dropping import Dropping


@op
class Dropout(Dropping):
    """In training each element becomes 0 with probability `rate`, and the others grow by `1 / (1 - rate)`.

    The identity outside of training.

    Shapes: `[...]` to the same.
    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, 2014.
    """

    rate: float

    samples = (
        Sample(
            "dropout(0.5)",
            ("[batch, 3]",),
            "[batch, 3]",
            parameters=0,
            given=([[1.0, -2.0, 3.0]],),
            gives=[[1.0, -2.0, 3.0]],
            source="by hand: the identity outside of training",
        ),
        Refused("dropout(1.0)", ("[batch, 3]",), "below 1"),
        Refused("dropout(0.1)", ("i32[batch]",), "needs floats"),
    )

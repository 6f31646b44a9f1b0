"""Whole examples dropped from a branch."""

from dslc.ops.base import Mismatch, Refused, Sample, op
from dslc.ops.noise._dropping import Dropping
from dslc.types import Type


@op
class DropPath(Dropping):
    """In training a whole example becomes 0 with probability `rate`, and the others grow by `1 / (1 - rate)`.

    At the end of the body of a `residual` it leaves the skip alone: stochastic depth. The identity outside of training.

    Shapes: `[batch, ...]` to the same.
    Reference: Huang, Sun, Liu, Sedra and Weinberger, 2016, arXiv:1603.09382.
    """

    rate: float

    aliases = ("StochasticDepth",)
    samples = (
        Sample(
            "drop_path(0.5)",
            ("[batch, 3]",),
            "[batch, 3]",
            parameters=0,
            given=([[1.0, -2.0, 3.0]],),
            gives=[[1.0, -2.0, 3.0]],
            source="by hand: the identity outside of training",
        ),
        Refused("drop_path(1.0)", ("[batch, 3]",), "below 1"),
        Refused("drop_path(0.1)", ("[]",), "no axis of examples"),
    )

    def alike(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0], *(1,) * (len(shape) - 1))

    def infer(self, x: Type) -> Type:
        super().infer(x)
        if x.rank == 0:
            raise Mismatch("a scalar has no axis of examples", "drop it with `dropout`", 0)
        return x

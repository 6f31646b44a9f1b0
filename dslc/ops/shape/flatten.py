"""All axes but the first in one."""

from math import prod
from typing import Any

from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.types import Type


@op
class Flatten(Op):
    """All axes after the first as one.

    Shapes: `[batch, ...]` to `[batch, features]`.
    """

    transparent = True
    linear = True
    view = True
    samples = (
        Sample("flatten", ("[batch, 4, 3, 1]",), "[batch, 12]"),
        Sample("flatten", ("[batch, h, w]",), "[batch, h * w]"),
        Sample("flatten", ("[batch]",), "[batch, 1]"),
        Sample(
            "flatten",
            ("i32[1, 2, 2]",),
            "i32[1, 4]",
            given=([[[1, 2], [3, 4]]],),
            gives=[[1, 2, 3, 4]],
            source="worked by hand",
        ),
        Refused("flatten", ("[]",), "scalar"),
    )

    def infer(self, x: Type) -> Type:
        if x.rank == 0:
            raise Mismatch("a scalar has no axes to flatten", "give it one: `-> reshape([1])`", 0)
        return x.with_shape(x.shape[0], prod(x.shape[1:]))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x.reshape(x.shape[0], prod(x.shape[1:]))

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

"""Vectors of length 1."""

from collections.abc import Sequence
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, axis_of, elements, moved, op
from dslc.ops.norm._axis import check
from dslc.types import Type


@op
class L2Normalize(Op):
    """Vectors along an axis divided by their Euclidean norm, by `eps` where that is smaller.

    Shapes: `[..., features]` to the same.
    """

    axis: int = -1
    eps: float = 1e-12

    aliases = ("UnitNormalization", "normalize")
    samples = (
        Sample("l2_normalize", ("[batch, seq, 3]",), "[batch, seq, 3]"),
        Sample(
            "l2_normalize(0)",
            ("[2, 2]",),
            "[2, 2]",
            given=([[3.0, 0.0], [-4.0, 0.0]],),
            gives=[[0.6, 0.0], [-0.8, 0.0]],
            source="worked by hand",
        ),
        Refused("l2_normalize(2)", ("[batch, 3]",), "outside"),
        Refused("l2_normalize", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        check(x, self.eps, rank=1)
        axis_of(self.axis, x.rank)
        return x

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, (self.axis,))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        values = widened(x)
        squares = jnp.square(values).sum(self.axis, keepdims=True)
        # The smallest normal number stands in for an `eps` whose square vanishes.
        least = max(self.eps**2, float(jnp.finfo(values.dtype).tiny))
        return (values * lax.rsqrt(jnp.maximum(squares, least))).astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        return Cost(3 * elements([x]), moved(x, x))

"""Whole examples dropped from a branch."""

from typing import Any

from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, floating, moved, op
from dslc.ops.noise._hash import drop, dropping_key
from dslc.types import Type


@op
class DropPath(Op):
    """In training a whole example becomes 0 with probability `rate`, and the others grow by `1 / (1 - rate)`.

    At the end of the body of a `residual` it leaves the skip alone: stochastic depth. The identity outside of training.

    Shapes: `[batch, ...]` to the same.
    Reference: Huang, Sun, Liu, Sedra and Weinberger, 2016, arXiv:1603.09382.
    """

    rate: float

    numbers = ("rate",)
    random = True
    transparent = True
    keeps = ()
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

    def infer(self, x: Type) -> Type:
        if not 0 <= self.rate < 1:
            raise Mismatch(f"`rate = {self.rate}` must be at least 0 and below 1", "drop_path(0.1) drops a tenth")
        floating(x)
        if x.rank == 0:
            raise Mismatch("a scalar has no axis of examples", "drop it with `dropout`", 0)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self._dropped(x, ctx)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return {"x": self._dropped(gradient, ctx)}

    def cost(self, x: Type) -> Cost:
        # Outside of training nothing is computed, and XLA makes no copy.
        return Cost(0, moved(x, x))

    def _dropped(self, x: Any, ctx: Context) -> Any:
        key = dropping_key(ctx, self.rate)
        return x if key is None else drop(key, x, self.rate, (x.shape[0], *(1,) * (x.ndim - 1)))

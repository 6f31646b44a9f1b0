"""What the layers share that drop in training: the rate, and the mask that both directions draw anew from one key."""

from collections.abc import Sequence
from typing import Any

from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, floating, moved
from dslc.ops.noise._hash import drop, dropping_key
from dslc.types import Type


class Dropping(Op):
    """In training something of `x` becomes 0 with probability `rate`, the rest grows by `1 / (1 - rate)`."""

    rate: float

    numbers = ("rate",)
    random = True
    transparent = True
    keeps = ()

    def alike(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the mask, which broadcasts to that of `x`: what shares a place of it stays or goes together."""
        return shape

    def infer(self, x: Type) -> Type:
        if not 0 <= self.rate < 1:
            raise Mismatch(f"`rate = {self.rate}` must be at least 0 and below 1", f"`{self.name}(0.1)` drops a tenth")
        floating(x)
        return x

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, ())  # the identity outside of training

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self._dropped(x, ctx)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return {"x": self._dropped(gradient, ctx)}

    def cost(self, x: Type) -> Cost:
        # Outside of training nothing is computed, and XLA makes no copy.
        return Cost(0, moved(x, x))

    def _dropped(self, x: Any, ctx: Context) -> Any:
        key = dropping_key(ctx, self.rate)
        return x if key is None else drop(key, x, self.rate, self.alike(x.shape))

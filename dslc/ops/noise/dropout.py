"""Dropout: random zeros in training."""

from typing import Any

from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, floating, moved, op
from dslc.ops.noise._hash import drop, dropping_key
from dslc.types import Type


@op
class Dropout(Op):
    """In training each element becomes 0 with probability `rate`, and the others grow by `1 / (1 - rate)`.

    The identity outside of training.

    Shapes: `[...]` to the same.
    Reference: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, 2014.
    """

    rate: float

    numbers = ("rate",)
    random = True
    transparent = True
    keeps = ()
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

    def infer(self, x: Type) -> Type:
        if not 0 <= self.rate < 1:
            raise Mismatch(
                f"`rate = {self.rate}` must be at least 0 and below 1", "`dropout(0.5)` drops half of the elements"
            )
        floating(x)
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
        return x if key is None else drop(key, x, self.rate)

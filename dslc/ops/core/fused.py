"""A layer and the activation after it, as one node."""

from collections.abc import Mapping
from typing import Any

from dslc.ops.base import Context, Cost, Op, Precision, Weight, moved, op
from dslc.types import Type


@op
class Fused(Op):
    """A layer with the activation that follows it: `act(of(x))`. XLA makes one loop of it either way.

    Shapes: those of the layer.
    """

    of: Op
    act: Op

    @property
    def precision(self) -> Precision:  # pyright: ignore[reportIncompatibleVariableOverride]  # a fact of the layer inside
        return self.of.precision

    def infer(self, *xs: Type | None) -> Type:
        return self.act.infer(self.of.infer(*xs))

    def weights(self, *xs: Type | None) -> Mapping[str, Weight]:
        return self.of.weights(*xs)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return self.act.apply({}, self.of.apply(weights, *xs, ctx=ctx), ctx=ctx)

    def cost(self, *xs: Type | None) -> Cost:
        between = self.of.infer(*xs)
        layer, act = self.of.cost(*xs), self.act.cost(between)
        # What lies between the two is neither written nor read.
        return Cost(layer.flops + act.flops, layer.bytes + act.bytes - 2 * moved(between))

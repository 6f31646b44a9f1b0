"""A layer whose statistics stay as they are."""

from collections.abc import Mapping
from typing import Any

from dslc.ops.base import Context, Op, Weight, op
from dslc.ops.core._wrapper import Wrapper
from dslc.types import Type


@op
class Still(Wrapper):
    """What an op with statistics gives outside of training, in training as well: they are read and not changed.

    Shapes: those of the op.
    """

    of: Op

    def weights(self, *xs: Type | None) -> Mapping[str, Weight]:
        return {**self.of.weights(*xs), **self.of.state(*xs)}

    def state(self, *xs: Type | None) -> Mapping[str, Weight]:
        return {}

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return self.of.apply(weights, *xs, ctx=Context(False, ctx.key, ctx.run))[0]

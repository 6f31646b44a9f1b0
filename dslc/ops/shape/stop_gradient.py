"""A tensor that counts as a constant in the backward pass."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import lax
from dslc.ops.base import Context, Cost, Op, Sample, op
from dslc.types import Type


@op
class StopGradient(Op):
    """The input itself, through which no gradient goes back.

    Shapes: `[...]` to `[...]`.
    """

    aliases = ("Detach",)
    elementwise = True
    stops_gradient = True
    keeps = ()
    samples = (
        Sample("stop_gradient", ("[batch, 3]",), "[batch, 3]"),
        Sample("stop_gradient", ("[2]",), "[2]", given=([1.0, -2.0],), gives=[1.0, -2.0], source="worked by hand"),
    )

    def infer(self, x: Type) -> Type:
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return lax.stop_gradient(x)

    def cost(self, x: Type) -> Cost:
        return Cost()

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {}

"""Bounds for every element."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class Clamp(Op):
    """Every element brought up to `low` and down to `high`; `none` is no bound.

    Shapes: `[...]` to `[...]`.
    """

    low: float | None
    high: float | None = None
    aliases = ("Clip",)
    elementwise = True
    keeps = ("x",)
    samples = (
        Sample("clamp(-1, 1)", ("[batch, 3]",), "[batch, 3]"),
        Sample("clamp(0)", ("[2]",), "[2]", given=([-2.0, 9.0],), gives=[0.0, 9.0], source="worked by hand"),
        Sample("clamp(none, 1)", ("[2]",), "[2]", given=([-2.0, 9.0],), gives=[-2.0, 1.0], source="worked by hand"),
        Refused("clamp(2, 1)", ("[batch]",), "above"),
        Refused("clamp(none)", ("[batch]",), "no bound"),
        Refused("clamp(0, 1)", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if self.low is None and self.high is None:
            raise Mismatch("there is no bound", "give `low`, `high` or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise Mismatch(f"`low = {self.low}` is above `high = {self.high}`", "change them round")
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.clip(x, self.low, self.high)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x = kept["x"]
        return {"x": jnp.where(x == jnp.clip(x, self.low, self.high), gradient, 0)}

    def cost(self, x: Type) -> Cost:
        bounds = (self.low is not None) + (self.high is not None)
        return Cost(bounds * elements([x]), moved(x, x))

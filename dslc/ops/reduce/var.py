"""The variance along axes."""

from collections.abc import Mapping
from math import prod
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Refused, Sample, elements, floating, moved, op
from dslc.ops.reduce.base import Reduction
from dslc.types import Type


@op
class Var(Reduction):
    """Variance along axes: the mean of the squared differences from the mean, divided by the number of elements.

    Shapes: `[..., n]` to `[...]`, or to `[..., 1]` with `keep`.
    """

    axis: int | tuple[int, ...] | None = None
    keep: bool = False
    aliases = ("Variance",)
    keeps = ("x",)
    precision = "full"
    samples = (
        Sample("var", ("[batch, 3]",), "[]"),
        Sample("var(axis = [0, 1], keep = true)", ("[batch, seq, 3]",), "[1, 1, 3]"),
        Sample("var(-1)", ("[2, 2]",), "[2]", given=([[1.0, 5.0], [3.0, 3.0]],), gives=[4.0, 0.0], source="by hand"),
        Refused("var(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("var", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        axes = self.axes(x.ndim)
        return jnp.square(x - x.mean(axes, keepdims=True)).mean(axes, keepdims=self.keep)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x, axes = kept["x"], self.axes(kept["x"].ndim)
        gradient = jnp.expand_dims(gradient, () if self.keep else axes)
        count = prod(x.shape[axis] for axis in axes)
        return {"x": gradient * (x - x.mean(axes, keepdims=True)) * (2 / count)}

    def cost(self, x: Type) -> Cost:
        # The mean, the differences, their squares, and the mean of these.
        return Cost(4 * elements([x]), moved(x, self.infer(x)))

"""The length of vectors."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Refused, Sample, elements, floating, moved, op
from dslc.ops.reduce.base import Reduction
from dslc.types import Type


@op
class Norm(Reduction):
    """Euclidean norm along axes: the square root of the sum of squares; its gradient at zero counts as zero.

    Shapes: `[..., n]` to `[...]`, or to `[..., 1]` with `keep`.
    """

    axis: int | tuple[int, ...] | None = None
    keep: bool = False
    keeps = ("x", "out")
    precision = "full"
    samples = (
        Sample("norm", ("[batch, 3]",), "[]"),
        Sample("norm(axis = -1, keep = true)", ("[batch, 3]",), "[batch, 1]"),
        Sample("norm(-1)", ("[2, 2]",), "[2]", given=([[3.0, 4.0], [0.0, -2.0]],), gives=[5.0, 2.0], source="by hand"),
        Refused("norm(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("norm", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.sqrt(jnp.square(x).sum(self.axes(x.ndim), keepdims=self.keep))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        axes = () if self.keep else self.axes(kept["x"].ndim)
        gradient, out = jnp.expand_dims(gradient, axes), jnp.expand_dims(kept["out"], axes)
        return {"x": kept["x"] * jnp.where(out > 0, gradient / jnp.where(out > 0, out, 1), 0)}

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost(2 * elements([x]), moved(x, out))

"""The largest element along axes."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.reduce.base import Reduction
from dslc.types import Type


@op
class Max(Reduction):
    """Largest element along axes; equal ones share the gradient.

    Shapes: `[..., n]` to `[...]`, or to `[..., 1]` with `keep`.
    """

    axis: int | tuple[int, ...] | None = None
    keep: bool = False
    aliases = ("ReduceMax", "Amax")
    keeps = ("x", "out")
    samples = (
        Sample("max", ("[batch, 3]",), "[]"),
        Sample("max(axis = [0, 1])", ("[batch, seq, 3]",), "[3]"),
        Sample("max(axis = 1, keep = true)", ("i32[batch, 3]",), "i32[batch, 1]"),
        Sample(
            "max(-1)", ("[2, 2]",), "[2]", given=([[1.0, 7.0], [3.0, -6.0]],), gives=[7.0, 3.0], source="worked by hand"
        ),
        Refused("max(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("max", ("bool[batch]",), "needs numbers"),
    )

    def infer(self, x: Type) -> Type:
        if x.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("i32")`', 0)
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x.max(self.axes(x.ndim), keepdims=self.keep)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        axes = () if self.keep else self.axes(kept["x"].ndim)
        gradient, out = jnp.expand_dims(gradient, axes), jnp.expand_dims(kept["out"], axes)
        reached = (kept["x"] == out).astype(gradient.dtype)
        return {"x": reached * (gradient / reached.sum(self.axes(reached.ndim), keepdims=True))}

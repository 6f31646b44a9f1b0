"""The normalized exponential."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._time import Axis, InTime, aligned
from dslc.ops._wide import widened
from dslc.ops.base import (
    Context,
    Cost,
    Mismatch,
    Op,
    Refused,
    Sample,
    axis_of,
    broadcast,
    elements,
    floating,
    moved,
    op,
)
from dslc.types import Type


@op
class Softmax(Op):
    """Normalized exponential: shares along an axis that add up to 1.

    Where the mask is false the share is 0, and a line that is masked completely gives zeros. The mask broadcasts.

    Shapes: `[...]` to `[...]`, with a mask `bool[...]`.
    Reference: Bridle, 1990.
    """

    axis: int = -1
    starts = "glorot_uniform"
    keeps = ("out",)
    samples = (
        Sample("softmax", ("[batch, 3]",), "[batch, 3]"),
        Sample("softmax(axis = 1)", ("[batch, 3, 2]", "bool[1, 3, 1]"), "[batch, 3, 2]"),
        Sample(
            "softmax",
            ("[3]",),
            "[3]",
            given=([1.0, 2.0, 3.0],),
            gives=[0.09003057, 0.24472847, 0.66524096],
            source="SciPy",
        ),
        Sample(
            "softmax",
            ("[2, 3]", "bool[2, 3]"),
            "[2, 3]",
            given=([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[True, True, False], [False, False, False]]),
            gives=[[0.26894142, 0.73105858, 0.0], [0.0, 0.0, 0.0]],
            source="tables of the logistic function",
        ),
        Refused("softmax(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("softmax", ("i32[batch, 3]",), "needs floats"),
        Refused("softmax", ("[batch, 3]", "bool[batch, 4]"), "axis 1 differs"),
        Refused("softmax", ("[batch, 3]", "[batch, 3]"), "mask is"),
    )

    def infer(self, x: Type, mask: Type | None = None) -> Type:
        floating(x)
        axis_of(self.axis, x.rank)
        if mask is not None and mask.dtype != "bool":
            raise Mismatch(f"the mask is {mask.dtype}, and must be bool", "compare it first: `mask != 0`", 1)
        if mask is not None and broadcast(x, mask) != x.shape:
            raise Mismatch(f"the mask {mask} does not broadcast to {x}", "reduce the mask to the axes of the input", 1)
        return x

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return aligned(time, types, (self.axis,))

    def apply(self, weights: Any, x: Any, mask: Any, *, ctx: Context) -> Any:
        return self._shares(widened(x), mask).astype(x.dtype)

    def _shares(self, x: Any, mask: Any) -> Any:
        if mask is None:
            raised = jnp.exp(x - lax.stop_gradient(x.max(self.axis, keepdims=True)))
            return raised / raised.sum(self.axis, keepdims=True)
        mask = jnp.expand_dims(mask, tuple(range(x.ndim - mask.ndim)))
        seen = jnp.where(mask, x, jnp.finfo(x.dtype).min)
        raised = jnp.where(mask, jnp.exp(seen - lax.stop_gradient(seen.max(self.axis, keepdims=True))), 0)
        total = raised.sum(self.axis, keepdims=True)
        return raised / jnp.where(total > 0, total, 1)

    def cost(self, x: Type, mask: Type | None = None) -> Cost:
        return Cost(5 * elements([x]), moved(x, x, mask))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = widened(kept["out"])
        weighted = widened(gradient) * out
        return {"x": (weighted - out * weighted.sum(self.axis, keepdims=True)).astype(gradient.dtype)}

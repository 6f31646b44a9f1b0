"""Axes of size 1 taken away."""

from collections.abc import Mapping
from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, axis_of, moved, op
from dslc.types import Type


@op
class Squeeze(Op):
    """Axes of size 1 taken away.

    Shapes: `[..., 1]` to `[...]`.
    """

    axis: int | tuple[int, ...] = -1
    transparent = True
    linear = True
    view = True
    keeps = ()
    samples = (
        Sample("squeeze", ("[batch, 1]",), "[batch]"),
        Sample("squeeze([1, 2])", ("[batch, 1, 1, 3]",), "[batch, 3]"),
        Sample("squeeze(0)", ("i32[1, 2]",), "i32[2]", given=([[5, 6]],), gives=[5, 6], source="worked by hand"),
        Refused("squeeze", ("[batch, 2]",), "size 2"),
        Refused("squeeze(0)", ("[batch, 1]",), "size batch"),
        Refused("squeeze(3)", ("[batch, 1]",), "outside"),
    )

    def infer(self, x: Type) -> Type:
        taken = self._axes(x.rank)
        for axis in taken:
            if not same(x.shape[axis], 1):
                raise Mismatch(
                    f"axis {axis} has size {x.shape[axis]}, and only size 1 can be taken away",
                    "index it, or reduce it with `sum` or `mean`",
                    0,
                )
        return x.with_shape(*(size for axis, size in enumerate(x.shape) if axis not in taken))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.squeeze(x, self._axes(x.ndim))

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        count = 1 if isinstance(self.axis, int) else len(self.axis)
        return {"x": jnp.expand_dims(gradient, self._axes(gradient.ndim + count))}

    def _axes(self, rank: int) -> tuple[int, ...]:
        axes = (self.axis,) if isinstance(self.axis, int) else self.axis
        return tuple(axis_of(axis, rank) for axis in axes)

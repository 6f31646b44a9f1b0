"""A tensor repeated to a larger shape."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import Size, same
from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, Passage, aligned
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.types import Type


@op
class Broadcast(Op):
    """A tensor repeated along axes of size 1 and along new axes in front.

    Shapes: `[1, n]` to `[m, n]`.
    """

    shape: tuple[Size, ...]
    aliases = ("Expand", "BroadcastTo")
    transparent = True
    linear = True
    samples = (
        Sample("broadcast([batch, 1, 4])", ("[4]",), "[batch, 1, 4]"),
        Sample("broadcast([batch, n, 4])", ("[batch, 1, 4]",), "[batch, n, 4]"),
        Sample(
            "broadcast([2, 3])",
            ("i32[2, 1]",),
            "i32[2, 3]",
            given=([[1], [2]],),
            gives=[[1, 1, 1], [2, 2, 2]],
            source="worked by hand",
        ),
        Refused("broadcast([batch, 5])", ("[batch, 4]",), "should become 5"),
        Refused("broadcast([4])", ("[batch, 4]",), "2 axes"),
    )

    def infer(self, x: Type) -> Type:
        wide = Type(self.shape, x.dtype)
        if x.rank > wide.rank:
            raise Mismatch(f"the tensor has {x.rank} axes, and the shape {wide.rank}", "reduce the tensor first", 0)
        for axis, (size, wanted) in enumerate(zip(x.shape, wide.shape[wide.rank - x.rank :], strict=True)):
            if size != 1 and not same(size, wanted):
                reason = f"axis {axis} of {x} is {size}, and should become {wanted}"
                raise Mismatch(reason, "only axes of size 1 are repeated", 0)
        return wide

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        found = aligned((*time, None), (*types, Type(self.shape)))
        return Passage(found.outputs) if isinstance(found, Passage) else found

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.broadcast_to(jnp.expand_dims(x, tuple(range(len(self.shape) - x.ndim))), self.shape)

    def cost(self, x: Type) -> Cost:
        return Cost(0, moved(x, self.infer(x)))

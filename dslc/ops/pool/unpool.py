"""The reverse of a maximum pool."""

from math import prod
from typing import Any

from dslc.dims import same
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.conv._window import Padding, Window
from dslc.ops.pool.max_pool import MaxPool
from dslc.types import Type


@op
class Unpool(Op):
    """Each element put where the largest of its window stood before a `max_pool`, zeros elsewhere.

    `like` is what went into the pool: `(small, before) -> unpool(2)` undoes `before -> max_pool(2)`. Where windows
    overlap, what falls on one place is added up.

    Shapes: `[batch, places..., channels]` and `[batch, spatial..., channels]` to `[batch, spatial..., channels]`.
    Reference: Zeiler and Fergus, 2013, arXiv:1311.2901; Badrinarayanan, Kendall and Cipolla, 2015, arXiv:1511.00561.
    """

    size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    padding: Padding = "valid"

    aliases = ("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d")
    samples = (
        Sample("unpool(2)", ("[batch, 4, 4, 8]", "[batch, 8, 9, 8]"), "[batch, 8, 9, 8]", parameters=0),
        Sample("unpool(3, stride = 2, padding = 1)", ("[batch, 3, 2]", "[batch, 5, 2]"), "[batch, 5, 2]"),
        Sample(
            "unpool(2)",
            ("[1, 2, 1]", "[1, 5, 1]"),
            "[1, 5, 1]",
            given=([[[7.0], [9.0]]], [[[1.0], [3.0], [5.0], [5.0], [8.0]]]),
            gives=[[[0.0], [7.0], [9.0], [0.0], [0.0]]],
            source="by hand: of equal ones the first, and the fifth is in no window",
        ),
        Refused("unpool(2)", ("[batch, 4, 4, 8]", "[batch, 6, 8, 8]"), "of `like` are [batch, 3, 4, 8]"),
        Refused("unpool(9)", ("[batch, 4, 4, 8]", "[batch, 8, 8, 8]"), "the window spans 9"),
    )

    def infer(self, x: Type, like: Type) -> Type:
        floating(x, like)
        wanted = self._pool().infer(like)
        fits = x.rank == wanted.rank and all(same(*pair) for pair in zip(x.shape, wanted.shape, strict=True))
        if not fits:
            reason = f"the maxima of `like` are {wanted}, and what should go to their places is {x}"
            raise Mismatch(reason, "give it the tensor before the pool, and the settings of the pool", 0)
        return like.with_dtype(x.dtype)

    def apply(self, weights: Any, x: Any, like: Any, *, ctx: Context) -> Any:
        pool = self._pool()
        kept = {"x": like, "out": pool.apply({}, like, ctx=ctx)}
        return pool.backward(kept, x, ctx)["x"]

    def cost(self, x: Type, like: Type) -> Cost:
        # The maxima are found again: each element of a window is compared with its own, and what was found kept in mind.
        window = Window.over(like, self.size, self.size if self.stride is None else self.stride, self.padding)
        added = 0 if window.tiles else prod(window.size) * elements([like])
        return Cost(5 * prod(window.size) * elements([x]) + added, moved(x, like, like))

    def _pool(self) -> MaxPool:
        return MaxPool(self.size, self.stride, self.padding)

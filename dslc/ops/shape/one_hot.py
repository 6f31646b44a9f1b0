"""Integers as unit vectors."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import Size, less
from dslc.lazy import jax, jnp
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class OneHot(Op):
    """Vector with a 1 at the place that an integer names, and zeros elsewhere.

    Shapes: `i32[...]` to `[..., n]`.
    """

    n: Size
    samples = (
        Sample("one_hot(4)", ("i32[batch]",), "[batch, 4]"),
        Sample(
            "one_hot(3)",
            ("i32[3]",),
            "[3, 3]",
            given=([2, 0, 7],),
            gives=[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
            source="worked by hand",
        ),
        Refused("one_hot(4)", ("[batch]",), "needs integers"),
        Refused("one_hot(0)", ("i32[batch]",), "at least 1"),
    )

    def infer(self, index: Type) -> Type:
        if not index.is_integer:
            raise Mismatch(f"needs integers, and gets {index.dtype}", 'cast it first: `-> cast("i32")`', 0)
        if less(self.n, 1):
            raise Mismatch(f"`n` must be at least 1, and is {self.n}")
        return Type((*index.shape, self.n))

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, ())

    def apply(self, weights: Any, index: Any, *, ctx: Context) -> Any:
        count: Any = self.n
        return jax.nn.one_hot(index, count, dtype=jnp.float32)

    def cost(self, index: Type) -> Cost:
        out = self.infer(index)
        return Cost(elements([out]), moved(index, out))

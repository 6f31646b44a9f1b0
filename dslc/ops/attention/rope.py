"""Positions as rotations."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.dims import remainder
from dslc.ops._time import Across, Axis, InTime, Passage, Stretch
from dslc.ops.attention._rotary import rotated
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class Rope(Op):
    """Turns each vector by its position, so that a product of two depends on their distance: a rotary embedding.

    Element i of the first half of the features and element i of the second are a pair, turned by
    `position / base ** (2 * i / features)`. Queries and keys go through it, one head at a time; `attention(rope = 10_000)`
    does so by itself.

    Shapes: `[..., positions, features]` to the same.
    Reference: Su et al., 2021, arXiv:2104.09864.
    """

    base: float = 10_000.0
    keeps = ()
    aliases = ("RotaryEmbedding",)
    samples = (
        Sample("rope", ("[batch, heads, seq, 6]",), "[batch, heads, seq, 6]"),
        Sample(
            "rope",
            ("[2, 2]",),
            "[2, 2]",
            given=([[1.0, 2.0], [1.0, 2.0]],),
            gives=[[1.0, 2.0], [-1.14263966, 1.92207560]],
            source="by hand: cos(1) - 2 * sin(1) and 2 * cos(1) + sin(1)",
        ),
        Refused("rope", ("[batch, seq, 5]",), "even"),
        Refused("rope", ("[6]",), "positions and features"),
        Refused("rope(0)", ("[seq, 6]",), "above zero"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if x.rank < 2:
            raise Mismatch(f"needs positions and features along the last two axes, and gets {x}", None, 0)
        if remainder(x.shape[-1], 2) == 1:
            raise Mismatch(f"the number of features is {x.shape[-1]}, and must be even", None, 0)
        if not self.base > 0:
            raise Mismatch(f"`base = {self.base}` must be above zero", "base = 10_000")
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return rotated(x, self.base)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        (axis,), (x,) = time, types
        assert x is not None
        if axis == x.rank - 1:
            return Across("works across the positions")
        return Passage((axis,), memory={} if axis == x.rank - 2 else None)

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        return rotated(inputs[0], self.base, start=here.first), {}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": rotated(gradient, self.base, -1)}

    def cost(self, x: Type) -> Cost:
        # Two products and a sum for each; angles, sines and cosines for half of a single `[positions, features]`.
        return Cost(3 * elements([x]) + 2 * elements([Type(x.shape[-2:])]), moved(x, x))

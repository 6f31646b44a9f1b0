"""Distances as a penalty."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.lazy import jnp, np
from dslc.ops._time import Axis, InTime, Stretch
from dslc.ops.attention._distance import by_query, check, distances, lengths
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, moved, op
from dslc.types import Type


@op
class Alibi(Op):
    """A penalty on scores that grows with the distance, at a slope of its own for each head: a `position_bias`.

    The slopes are a geometric series from `2 ** (-8 / heads)` down to `2 ** -8`; nothing is trained, and only the number of
    positions in the input counts.

    Shapes: `[..., query, d]` and memory `[..., key, d]` to `[heads, query, key]`.
    Reference: Press, Smith and Lewis, 2021, arXiv:2108.12409.
    """

    heads: int
    stops_gradient = True
    keeps = ()
    samples = (
        Sample("alibi(4)", ("[batch, seq, 6]",), "[4, seq, seq]"),
        Sample("alibi(2)", ("[batch, t, 6]", "[batch, s, 6]"), "[2, t, s]"),
        Sample(
            "alibi(2)",
            ("[3, 1]",),
            "[2, 3, 3]",
            given=([[0.0], [0.0], [0.0]],),
            gives=[
                [[0.0, -0.0625, -0.125], [-0.0625, 0.0, -0.0625], [-0.125, -0.0625, 0.0]],
                [[0.0, -0.00390625, -0.0078125], [-0.00390625, 0.0, -0.00390625], [-0.0078125, -0.00390625, 0.0]],
            ],
            source="by hand: slopes of 2 ** -4 and 2 ** -8",
        ),
        Refused("alibi(0)", ("[batch, seq, 6]",), "at least 1"),
        Refused("alibi(4)", ("[6]",), "positions and features"),
    )

    def infer(self, x: Type, memory: Type | None = None) -> Type:
        check(x, memory)
        if self.heads < 1:
            raise Mismatch(f"`heads` must be at least 1, and is {self.heads}")
        return Type((self.heads, *lengths(x, memory)), x.dtype)

    def apply(self, weights: Any, x: Any, memory: Any = None, *, ctx: Context) -> Any:
        query, key = lengths(x, memory)
        slopes = 2.0 ** (-8 * np.arange(1, self.heads + 1) / self.heads)
        distance = np.abs(np.arange(query)[:, None] - np.arange(key)[None, :])
        return jnp.asarray(-slopes[:, None, None] * distance[None], x.dtype)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_query(time, types)

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        slopes = jnp.asarray(2.0 ** (-8 * np.arange(1, self.heads + 1) / self.heads), inputs[0].dtype)
        distance = abs(distances(here, inputs[0])).astype(inputs[0].dtype)
        return -slopes[:, None, None] * distance[None], {}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return {}

    def cost(self, x: Type, memory: Type | None = None) -> Cost:
        # Known when the program is compiled.
        return Cost(0, moved(self.infer(x, memory)))

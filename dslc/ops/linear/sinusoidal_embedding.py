"""Numbers as waves."""

from collections.abc import Sequence
from typing import Any

from dslc.dims import Size, less, remainder
from dslc.lazy import jnp
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class SinusoidalEmbedding(Op):
    """Sines, then cosines, of a position or time at frequencies from 1 down to about `1 / base`, without weights.

    Element i of the first half is `sin(t / base ** (2 * i / units))`, element i of the second the cosine.

    Shapes: `[...]` or `i32[...]` to `[..., units]`.
    Reference: Vaswani et al., 2017, arXiv:1706.03762; of times by Ho, Jain and Abbeel, 2020, arXiv:2006.11239.
    """

    units: Size
    base: float = 10_000.0
    aliases = ("PositionalEncoding", "SinePositionEncoding", "Timesteps")
    precision = "full"
    samples = (
        Sample("sinusoidal_embedding(6)", ("i32[batch]",), "[batch, 6]"),
        Sample("sinusoidal_embedding(2 * d)", ("[batch, seq]",), "[batch, seq, 2 * d]"),
        Sample(
            "sinusoidal_embedding(4, base = 100)",
            ("i32[2]",),
            "[2, 4]",
            given=([0, 2],),
            gives=[[0.0, 0.0, 1.0, 1.0], [0.90929743, 0.19866933, -0.41614684, 0.98006658]],
            source="tables of sines and cosines, at 2 and 0.2",
        ),
        Refused("sinusoidal_embedding(5)", ("i32[batch]",), "even"),
        Refused("sinusoidal_embedding(0)", ("i32[batch]",), "at least"),
        Refused("sinusoidal_embedding(4, base = 0)", ("i32[batch]",), "above zero"),
        Refused("sinusoidal_embedding(4)", ("bool[batch]",), "needs numbers"),
    )

    def infer(self, t: Type) -> Type:
        if t.dtype == "bool":
            raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("f32")`', 0)
        if less(self.units, 1) or remainder(self.units, 2) == 1:
            raise Mismatch(f"`units` must be even and at least 2, and is {self.units}", "sinusoidal_embedding(128)")
        if not self.base > 0:
            raise Mismatch(f"`base = {self.base}` must be above zero", "base = 10_000")
        return Type((*t.shape, self.units), t.dtype if t.is_float else "f32")

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, ())

    def apply(self, weights: Any, t: Any, *, ctx: Context) -> Any:
        units: Any = self.units
        times = t if jnp.issubdtype(t.dtype, jnp.floating) else t.astype(jnp.float32)
        frequency = self.base ** (jnp.arange(0, units, 2, dtype=times.dtype) / -units)
        angle = times[..., None] * frequency.reshape((1,) * t.ndim + frequency.shape)
        return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], -1)

    def cost(self, t: Type) -> Cost:
        out = self.infer(t)
        # Half as many angles, and as many frequencies (a division and a power each) as one of them has.
        return Cost(elements([out]) * 3 // 2 + elements([Type(out.shape[-1:])]), moved(t, out))

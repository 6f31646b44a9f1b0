"""More places in an image."""

from typing import Any, Literal

from dslc.lazy import jnp, lax
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.conv._window import RANKS
from dslc.types import Type


@op
class Upsample(Op):
    """Every spatial axis `factor` times as long: the elements repeated, or with `"bilinear"` straight lines between them.

    The lines go through the centres of the elements (no aligned corners, as in Keras and PyTorch), along 1 to 3 axes.

    Shapes: `[batch, spatial..., channels]` to `[batch, factor * spatial..., channels]`.
    """

    factor: int | tuple[int, ...]
    method: Literal["nearest", "bilinear"] = "nearest"

    transparent = True
    linear = True
    aliases = ("UpSampling2D", "UpsamplingNearest2d", "UpsamplingBilinear2d")
    samples = (
        Sample(
            "upsample((1, 2))",
            ("[batch, 1, 2, 1]",),
            "[batch, 1, 4, 1]",
            parameters=0,
            given=([[[[1.0], [2.0]]]],),
            gives=[[[[1.0], [1.0], [2.0], [2.0]]]],
            source="by hand",
        ),
        Sample(
            'upsample(2, "bilinear")',
            ("[batch, 2, 1]",),
            "[batch, 4, 1]",
            given=([[[0.0], [4.0]]],),
            gives=[[[0.0], [1.0], [3.0], [4.0]]],
            source="by hand: a quarter and three quarters of the way",
        ),
        Sample("upsample(3)", ("[batch, h, w, 8]",), "[batch, 3 * h, 3 * w, 8]"),
        Sample('upsample((2, 3), "bilinear")', ("[batch, 5, 1, 2]",), "[batch, 10, 3, 2]"),
        Refused("upsample(2)", ("[batch, 8]",), "1 to 3 spatial axes"),
        Refused("upsample((2, 2))", ("[batch, 8, 3]",), "2 numbers"),
        Refused("upsample(0)", ("[batch, 8, 3]",), "at least 1"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        factors = self._factors(x)
        return x.with_shape(x.shape[0], *(n * f for n, f in zip(x.shape[1:-1], factors, strict=True)), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        for axis, factor in enumerate(self._factors(Type(x.shape)), 1):
            if factor > 1:
                x = jnp.repeat(x, factor, axis) if self.method == "nearest" else _drawn_out(x, factor, axis)
        return x

    def cost(self, x: Type) -> Cost:
        flops, shape = 0, list(x.shape)
        for axis, factor in enumerate(self._factors(x), 1):
            shape[axis] = shape[axis] * factor
            flops += 3 * elements([Type(tuple(shape))]) if self.method == "bilinear" and factor > 1 else 0
        return Cost(flops, moved(x, self.infer(x)))

    def _factors(self, x: Type) -> tuple[int, ...]:
        if x.rank not in RANKS:
            raise Mismatch(f"needs [batch, 1 to 3 spatial axes, channels], and gets {x}", None, 0)
        factors = (self.factor,) * RANKS[x.rank] if isinstance(self.factor, int) else self.factor
        if len(factors) != RANKS[x.rank]:
            raise Mismatch(
                f"`factor` has {len(factors)} numbers, and {x} has {RANKS[x.rank]} spatial axes", "use one number"
            )
        if min(factors) < 1:
            raise Mismatch(f"`factor` must be at least 1, and is {self.factor}", "to make it smaller use a pool")
        return factors


def _drawn_out(x: Any, factor: int, axis: int) -> Any:
    """Straight lines between neighbours; beyond the first and the last centre their values stay."""
    count = x.shape[axis]
    before = lax.slice_in_dim(x, 0, max(count - 1, 1), axis=axis)
    before = x if count == 1 else jnp.concatenate([lax.slice_in_dim(x, 0, 1, axis=axis), before], axis)
    after = lax.slice_in_dim(x, min(1, count - 1), count, axis=axis)
    after = x if count == 1 else jnp.concatenate([after, lax.slice_in_dim(x, count - 1, count, axis=axis)], axis)
    parts: list[Any] = []
    for number in range(factor):
        way = (number + 0.5) / factor - 0.5
        parts.append(x * (1 - abs(way)) + (before if way < 0 else after) * abs(way) if way else x)
    return jnp.stack(parts, axis + 1).reshape(*x.shape[:axis], count * factor, *x.shape[axis + 1 :])

"""Norms of windows."""

from functools import reduce
from math import prod
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.conv._window import Padding, Window, pad
from dslc.types import Type


@op
class LpPool(Op):
    """The p-norm of each window, `sum(abs(x) ** p) ** (1 / p)`: a sum of sizes with `p = 1`, near the largest with many.

    Shapes: `[batch, spatial..., channels]` to `[batch, places..., channels]`, with 1 to 3 spatial axes.
    Reference: Sermanet, Chintala and LeCun, 2012, arXiv:1204.3968.
    """

    size: int | tuple[int, ...]
    p: float = 2.0
    stride: int | tuple[int, ...] | None = None
    padding: Padding = "valid"

    transparent = True
    aliases = ("LPPool1d", "LPPool2d", "LPPool3d")
    precision = "full"
    samples = (
        Sample(
            "lp_pool(2)",
            ("[batch, 5, 1]",),
            "[batch, 2, 1]",
            parameters=0,
            given=([[[3.0], [-4.0], [0.0], [2.0], [9.0]]],),
            gives=[[[5.0], [2.0]]],
            source="by hand: the fifth has no whole window",
        ),
        Sample(
            "lp_pool(2, p = 100)",
            ("[1, 4, 1]",),
            "[1, 2, 1]",
            given=([[[30.0], [-30.0], [0.001], [0.0]]],),
            gives=[[[30.2086665], [0.001]]],
            source="by hand: 30 * 2 ** 0.01; the powers themselves are beyond the range of float32",
        ),
        Sample("lp_pool(3, 1.5, stride = 2, padding = 1)", ("[batch, 9, 10, 3]",), "[batch, 5, 5, 3]"),
        Refused("lp_pool(2, p = 0)", ("[batch, 4, 4, 3]",), "at least 1"),
        Refused("lp_pool(5)", ("[batch, 4, 4, 3]",), "the window spans 5"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if not self.p >= 1:
            raise Mismatch(f"`p = {self.p}` must be at least 1, or it is no norm", "p = 2")
        return x.with_shape(x.shape[0], *self._window(x).places(x), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        window = self._window(Type(x.shape))
        if self._scales:
            sizes = pad(jnp.abs(widened(x)), window.pads(x.shape), 0.0)
            parts = [window.taken(sizes, offset) for offset in window.offsets()]
            # The norm grows as its numbers do, so that what they are divided by is no part of its slopes.
            largest = lax.stop_gradient(reduce(jnp.maximum, parts))
            scale = jnp.where(largest > 0, largest, 1)
            return (scale * self._root(sum(_power(part / scale, self.p) for part in parts))).astype(x.dtype)
        powers = pad(_power(widened(x), self.p), window.pads(x.shape), 0.0)
        return self._root(sum(window.taken(powers, offset) for offset in window.offsets())).astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        out, seen = self.infer(x), prod(self._window(x).size)
        if self._scales:
            return Cost(elements([x]) + (7 * seen + 6) * elements([out]), moved(x, out))
        each = 1 if self.p == 2 else 4
        return Cost(each * elements([x]) + (seen + 3) * elements([out]), moved(x, out))

    @property
    def _scales(self) -> bool:
        """Whether powers leave the range of float32 for numbers of ordinary size: squares do so from 1e19 on."""
        return self.p > 2

    def _root(self, total: Any) -> Any:
        # Where a window is all zeros the root has no slope: the gradient there is zero.
        some = total > 0
        return jnp.where(some, jnp.where(some, total, 1) ** (1 / self.p), 0)

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.size, self.size if self.stride is None else self.stride, self.padding, name="size")


def _power(x: Any, p: float) -> Any:
    if p == 2:
        return jnp.square(x)
    size = jnp.abs(x)
    return jnp.where(size > 0, jnp.where(size > 0, size, 1) ** p, 0)

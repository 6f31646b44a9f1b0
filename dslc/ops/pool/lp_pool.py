"""Norms of windows."""

from math import prod
from typing import Any

from dslc.lazy import jnp
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
        powers = pad(_power(widened(x), self.p), window.pads(x.shape), 0.0)
        total = sum(window.taken(powers, offset) for offset in window.offsets())
        # Where a window is all zeros the root has no slope: the gradient there is zero.
        some = jnp.asarray(total) > 0
        return jnp.where(some, jnp.where(some, total, 1) ** (1 / self.p), 0).astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        each = 1 if self.p == 2 else 4
        return Cost(each * elements([x]) + (prod(self._window(x).size) + 3) * elements([out]), moved(x, out))

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.size, self.size if self.stride is None else self.stride, self.padding, name="size")


def _power(x: Any, p: float) -> Any:
    if p == 2:
        return jnp.square(x)
    size = jnp.abs(x)
    return jnp.where(size > 0, jnp.where(size > 0, size, 1) ** p, 0)

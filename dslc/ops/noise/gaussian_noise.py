"""Noise added in training."""

from collections.abc import Sequence
from typing import Any

from dslc.lazy import jax
from dslc.ops._time import Axis, InTime, by_axis
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, floating, moved, op
from dslc.types import Type


@op
class GaussianNoise(Op):
    """In training adds Gaussian noise of mean 0 to every element; the identity outside of training.

    Shapes: `[...]` to the same.
    Reference: Bishop, 1995, Training with noise is equivalent to Tikhonov regularization.
    """

    std: float

    numbers = ("std",)
    random = True
    transparent = True
    keeps = ()
    samples = (
        Sample(
            "gaussian_noise(0.1)",
            ("[batch, 3]",),
            "[batch, 3]",
            given=([[1.0, -2.0, 3.0]],),
            gives=[[1.0, -2.0, 3.0]],
            source="by hand: the identity outside of training",
        ),
        Refused("gaussian_noise(-1.0)", ("[batch, 3]",), "below zero"),
        Refused("gaussian_noise(0.1)", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        if self.std < 0:
            raise Mismatch(f"`std = {self.std}` is below zero", "use its positive")
        floating(x)
        return x

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_axis(time, types, ())  # the identity outside of training

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        if not ctx.training:
            return x
        key: Any = ctx.key
        return x + self.std * jax.random.normal(key, x.shape, x.dtype)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return {"x": gradient}

    def cost(self, x: Type) -> Cost:
        # Outside of training nothing is computed.
        return Cost(0, moved(x, x))

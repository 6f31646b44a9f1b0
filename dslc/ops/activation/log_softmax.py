"""The logarithm of softmax."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._time import Axis, InTime, aligned
from dslc.ops.base import Context, Cost, Op, Refused, Sample, axis_of, elements, floating, moved, op
from dslc.types import Type


@op
class LogSoftmax(Op):
    """Logarithm of softmax, exact where a share is too small for a float.

    Shapes: `[...]` to `[...]`.
    """

    axis: int = -1
    starts = "glorot_uniform"
    keeps = ("out",)
    precision = "full"
    samples = (
        Sample("log_softmax", ("[batch, 3]",), "[batch, 3]"),
        Sample("log_softmax(axis = 0)", ("[3, 2]",), "[3, 2]"),
        Sample(
            "log_softmax",
            ("[2]",),
            "[2]",
            given=([0.0, 200.0],),
            gives=[-200.0, 0.0],
            source="worked by hand: log(1 + exp(-200)) is 0",
        ),
        Sample(
            "log_softmax",
            ("[3]",),
            "[3]",
            given=([1.0, 2.0, 3.0],),
            gives=[-2.40760596, -1.40760596, -0.40760596],
            source="SciPy",
        ),
        Refused("log_softmax(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("log_softmax", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        axis_of(self.axis, x.rank)
        return x

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return aligned(time, types, (self.axis,))

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        centred = x - lax.stop_gradient(x.max(self.axis, keepdims=True))
        return centred - jnp.log(jnp.exp(centred).sum(self.axis, keepdims=True))

    def cost(self, x: Type) -> Cost:
        return Cost(5 * elements([x]), moved(x, x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient - jnp.exp(kept["out"]) * gradient.sum(self.axis, keepdims=True)}

"""The logarithm of a sum of exponentials."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops.base import Context, Cost, Refused, Sample, elements, floating, moved, op
from dslc.ops.reduce.base import Reduction
from dslc.types import Type


@op
class Logsumexp(Reduction):
    """Logarithm of the sum of the exponentials along axes, without overflow: a smooth maximum.

    Shapes: `[..., n]` to `[...]`, or to `[..., 1]` with `keep`.
    """

    axis: int | tuple[int, ...] | None = None
    keep: bool = False
    aliases = ("LogSumExp",)
    keeps = ("x", "out")
    precision = "full"
    samples = (
        Sample("logsumexp", ("[batch, 3]",), "[]"),
        Sample("logsumexp(axis = 1, keep = true)", ("[batch, 3]",), "[batch, 1]"),
        Sample(
            "logsumexp(-1)",
            ("[2, 2]",),
            "[2]",
            given=([[0.0, 0.0], [1000.0, 1000.0]],),
            gives=[0.69314718, 1000.69314718],
            source="by hand: log(2), and 1000 more",
        ),
        Refused("logsumexp(axis = 2)", ("[batch, 3]",), "outside"),
        Refused("logsumexp", ("i32[batch]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        return super().infer(x)

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jax.nn.logsumexp(x, axis=self.axes(x.ndim), keepdims=self.keep)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        axes = () if self.keep else self.axes(kept["x"].ndim)
        gradient, out = jnp.expand_dims(gradient, axes), jnp.expand_dims(kept["out"], axes)
        return {"x": gradient * jnp.exp(kept["x"] - out)}

    def cost(self, x: Type) -> Cost:
        # The largest, the differences, the exponentials and their sum; logarithms of the sums.
        out = self.infer(x)
        return Cost(4 * elements([x]) + 2 * elements([out]), moved(x, out))

"""The smooth rectifier."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp, lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Softplus(Pointwise):
    """Smooth rectifier `log(1 + exp(x))`, always positive.

    Shapes: `[...]` to `[...]`.
    Reference: Dugas, Bengio, Belisle, Nadeau and Garcia, 2001.
    """

    flops: ClassVar[int] = 6
    keeps = ("x",)
    samples = (
        Sample("softplus", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "softplus",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 50.0],),
            gives=[0.31326169, 0.69314718, 50.0],
            source="tables of logarithms",
        ),
        Refused("softplus", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        # In this form the exponential is at most 1, so that nothing overflows.
        return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * lax.logistic(kept["x"])}

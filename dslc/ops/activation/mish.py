"""A smooth activation that bends back below zero."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp, lax
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Mish(Pointwise):
    """Mish: `x * tanh(softplus(x))`.

    Shapes: `[...]` to `[...]`.
    Reference: Misra, 2019, arXiv 1908.08681.
    """

    starts = "he_normal"
    flops: ClassVar[int] = 12
    keeps = ("x",)
    samples = (
        Sample("mish", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "mish",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 1.0],),
            gives=[-0.30340146, 0.0, 0.86509839],
            source="PyTorch",
        ),
        Refused("mish", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x * _gate(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x = kept["x"]
        gate = _gate(x)
        return {"x": gradient * (gate + x * (1 - gate * gate) * lax.logistic(x))}


def _gate(x: Any) -> Any:
    """The tangent of the softplus: `(n * n - 1) / (n * n + 1)` with `n = 1 + exp(x)`, of an exponential below 1."""
    small = jnp.exp(-jnp.abs(x))
    top = jnp.where(x > 0, 1 + 2 * small, small * (small + 2))
    return top / (top + 2 * jnp.where(x > 0, small * small, 1))

"""The hyperbolic cosine."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Cosh(Pointwise):
    """Hyperbolic cosine of every element: `(exp(x) + exp(-x)) / 2`.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    precision = "full"
    flops: ClassVar[int] = 6
    samples = (
        Sample("cosh", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "cosh",
            ("[3]",),
            "[3]",
            given=([0.0, 1.0, -0.5],),
            gives=[1.0, 1.5430806, 1.127626],
            source="printed tables of hyperbolic functions",
        ),
        Refused("cosh", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.cosh(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * jnp.sinh(kept["x"])}

"""The hyperbolic sine."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Sinh(Pointwise):
    """Hyperbolic sine of every element: `(exp(x) - exp(-x)) / 2`.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    precision = "full"
    flops: ClassVar[int] = 8
    samples = (
        Sample("sinh", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "sinh",
            ("[3]",),
            "[3]",
            given=([0.0, 1.0, -0.5],),
            gives=[0.0, 1.1752012, -0.52109531],
            source="printed tables of hyperbolic functions",
        ),
        Refused("sinh", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.sinh(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * jnp.cosh(kept["x"])}

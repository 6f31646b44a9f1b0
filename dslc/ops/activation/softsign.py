"""A squashing function without exponentials."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Softsign(Pointwise):
    """Softsign: `x / (1 + |x|)`, between -1 and 1.

    Shapes: `[...]` to `[...]`.
    Reference: Turian, Bergstra and Bengio, 2009, Quadratic features and deep architectures for chunking.
    """

    starts = "glorot_uniform"
    flops: ClassVar[int] = 3
    keeps = ("out",)
    samples = (
        Sample("softsign", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "softsign", ("[3]",), "[3]", given=([-1.0, 0.0, 3.0],), gives=[-0.5, 0.0, 0.75], source="worked by hand"
        ),
        Refused("softsign", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x / (1 + jnp.abs(x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient * jnp.square(1 - jnp.abs(kept["out"]))}

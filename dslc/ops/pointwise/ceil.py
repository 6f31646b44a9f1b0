"""The integer above."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Ceil(Pointwise):
    """Smallest integer that is not below an element; its gradient is zero.

    Shapes: `[...]` to `[...]`.
    """

    aliases = ("ceiling",)
    keeps = ()
    samples = (
        Sample("ceil", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "ceil",
            ("[3]",),
            "[3]",
            given=([1.2, -1.7, 3.0],),
            gives=[2.0, -1.0, 3.0],
            source="worked by hand",
        ),
        Refused("ceil", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.ceil(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {}

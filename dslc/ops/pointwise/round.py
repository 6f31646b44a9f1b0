"""The nearest integer."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Round(Pointwise):
    """Nearest integer, of two as near the even one; its gradient is zero.

    Shapes: `[...]` to `[...]`.
    """

    aliases = ("rint",)
    keeps = ()
    samples = (
        Sample("round", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "round",
            ("[3]",),
            "[3]",
            given=([1.2, -1.7, 2.5],),
            gives=[1.0, -2.0, 2.0],
            source="worked by hand",
        ),
        Refused("round", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.round(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {}

"""The integer below."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Floor(Pointwise):
    """Largest integer that is not above an element; its gradient is zero.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ()
    samples = (
        Sample("floor", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "floor",
            ("[3]",),
            "[3]",
            given=([1.7, -1.2, 3.0],),
            gives=[1.0, -2.0, 3.0],
            source="worked by hand",
        ),
        Refused("floor", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.floor(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {}

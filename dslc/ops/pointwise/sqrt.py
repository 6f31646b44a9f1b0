"""The square root."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Sqrt(Pointwise):
    """Square root of every element.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("out",)
    samples = (
        Sample("sqrt", ("[batch, 3]",), "[batch, 3]"),
        Sample("sqrt", ("[3]",), "[3]", given=([4.0, 2.25, 0.0],), gives=[2.0, 1.5, 0.0], source="worked by hand"),
        Refused("sqrt", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.sqrt(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": 0.5 * gradient / kept["out"]}

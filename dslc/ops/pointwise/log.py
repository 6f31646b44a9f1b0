"""The natural logarithm."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Log(Pointwise):
    """Natural logarithm of every element.

    Shapes: `[...]` to `[...]`.
    """

    keeps = ("x",)
    precision = "full"
    samples = (
        Sample("log", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "log",
            ("[3]",),
            "[3]",
            given=([1.0, 2.0, 10.0],),
            gives=[0.0, 0.69314718, 2.30258509],
            source="printed tables of logarithms",
        ),
        Refused("log", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.log(x)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient / kept["x"]}

"""The sigmoid linear unit of straight lines."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class HardSwish(Pointwise):
    """Sigmoid linear unit with a logistic function of straight lines: `x * min(max(x + 3, 0), 6) / 6`.

    Shapes: `[...]` to `[...]`.
    Reference: Howard et al., 2019, arXiv 1905.02244.
    """

    aliases = ("Hardswish", "hard_silu")
    starts = "he_normal"
    flops: ClassVar[int] = 5
    keeps = ("x",)
    samples = (
        Sample("hard_swish", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "hard_swish",
            ("[3]",),
            "[3]",
            given=([-4.0, 1.0, 9.0],),
            gives=[0.0, 2 / 3, 9.0],
            source="worked by hand",
        ),
        Refused("hard_swish", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x * jnp.clip(x + 3, 0, 6) / 6

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x = kept["x"]
        slope = jnp.where(x < -3, 0, jnp.where(x > 3, 1, (2 * x + 3) / 6))
        return {"x": gradient * slope}

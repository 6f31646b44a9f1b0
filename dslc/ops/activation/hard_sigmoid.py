"""A logistic function of straight lines."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class HardSigmoid(Pointwise):
    """Logistic function drawn with straight lines: `min(max(x + 3, 0), 6) / 6`.

    Shapes: `[...]` to `[...]`.
    Reference: Howard et al., 2019, arXiv 1905.02244; with other lines by Courbariaux, Bengio and David, 2015.
    """

    aliases = ("Hardsigmoid",)
    starts = "glorot_uniform"
    flops: ClassVar[int] = 4
    keeps = ("out",)
    samples = (
        Sample("hard_sigmoid", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "hard_sigmoid",
            ("[3]",),
            "[3]",
            given=([-4.0, 1.5, 9.0],),
            gives=[0.0, 0.75, 1.0],
            source="worked by hand",
        ),
        Refused("hard_sigmoid", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.clip(x + 3, 0, 6) / 6

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = kept["out"]
        return {"x": jnp.where((out > 0) & (out < 1), gradient / 6, 0)}

"""The rectifier with a ceiling."""

from collections.abc import Mapping
from typing import Any, ClassVar

from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Relu6(Pointwise):
    """Rectifier that stops at 6: `min(max(x, 0), 6)`.

    Shapes: `[...]` to `[...]`.
    Reference: Krizhevsky, 2010, Convolutional deep belief networks on CIFAR-10.
    """

    starts = "he_normal"
    flops: ClassVar[int] = 2
    keeps = ("out",)
    samples = (
        Sample("relu6", ("[batch, 3]",), "[batch, 3]"),
        Sample("relu6", ("[3]",), "[3]", given=([-1.0, 2.5, 9.0],), gives=[0.0, 2.5, 6.0], source="worked by hand"),
        Refused("relu6", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.clip(x, 0, 6)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        out = kept["out"]
        return {"x": jnp.where((out > 0) & (out < 6), gradient, 0)}

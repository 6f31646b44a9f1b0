"""The threshold of the first artificial neurons."""

from typing import Any, ClassVar

from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.pointwise.base import Pointwise


@op
class Step(Pointwise):
    """One where an element is above zero, else zero; its gradient is zero everywhere.

    Shapes: `[...]` to `[...]`.
    Reference: McCulloch and Pitts, 1943; Rosenblatt, 1958.
    """

    aliases = ("Heaviside", "Threshold")
    keeps = ()
    # A comparison, and the number that is made of it.
    flops: ClassVar[int] = 2
    samples = (
        Sample("step", ("[batch, 3]",), "[batch, 3]"),
        Sample("step", ("[3]",), "[3]", given=([-2.0, 0.0, 0.5],), gives=[0.0, 0.0, 1.0], source="worked by hand"),
        Refused("step", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return (x > 0).astype(x.dtype)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return {}

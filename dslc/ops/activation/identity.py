"""Nothing at all."""

from collections.abc import Mapping
from typing import Any

from dslc.ops.base import Context, Cost, Op, Sample, op
from dslc.types import Type


@op
class Identity(Op):
    """The input itself, for a block that takes an activation and should have none.

    Shapes: `[...]` to `[...]`.
    """

    elementwise = True
    transparent = True
    keeps = ()
    samples = (
        Sample("identity", ("[batch, 3]",), "[batch, 3]"),
        Sample("identity", ("i32[2]",), "i32[2]", given=([-1, 4],), gives=[-1, 4], source="worked by hand"),
    )

    def infer(self, x: Type) -> Type:
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return x

    def cost(self, x: Type) -> Cost:
        return Cost()

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        return {"x": gradient}

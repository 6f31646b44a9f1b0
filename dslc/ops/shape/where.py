"""One tensor or the other."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import alike, common
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, broadcast, elements, moved, op
from dslc.types import Type


@op
class Where(Op):
    """Element of the second tensor where the first is true, of the third where it is false.

    Shapes: `bool[...]`, `[...]` and `[...]`, broadcast, to `[...]`.
    """

    aliases = ("Select", "masked_fill")
    elementwise = True
    keeps = ("condition",)
    samples = (
        Sample("where", ("bool[batch, seq]", "[batch, seq]", "[]"), "[batch, seq]"),
        Sample("where", ("bool[batch, 1]", "[3]", "[batch, 3]"), "[batch, 3]"),
        Sample(
            "where",
            ("bool[3]", "i32[3]", "i32[]"),
            "i32[3]",
            given=([True, False, True], [1, 2, 3], -1),
            gives=[1, -1, 3],
            source="worked by hand",
        ),
        Refused("where", ("[batch]", "[batch]", "[batch]"), "must be bool"),
        Refused("where", ("bool[batch, 3]", "[batch, 4]", "[]"), "axis 1 differs: 3 and 4"),
    )

    def infer(self, condition: Type, yes: Type, no: Type) -> Type:
        if condition.dtype != "bool":
            raise Mismatch(f"the condition is {condition}, and must be bool", "compare it first: `x > 0`", 0)
        return Type(broadcast(condition, yes, no), common(yes, no).dtype)

    def apply(self, weights: Any, condition: Any, yes: Any, no: Any, *, ctx: Context) -> Any:
        rank = max(condition.ndim, yes.ndim, no.ndim)
        parts = (condition, *alike(yes, no))
        return jnp.where(*(jnp.expand_dims(part, tuple(range(rank - part.ndim))) for part in parts))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        condition = jnp.expand_dims(kept["condition"], tuple(range(gradient.ndim - kept["condition"].ndim)))
        return {"yes": jnp.where(condition, gradient, 0), "no": jnp.where(condition, 0, gradient)}

    def cost(self, condition: Type, yes: Type, no: Type) -> Cost:
        out = self.infer(condition, yes, no)
        return Cost(elements([out]), moved(condition, yes, no, out))

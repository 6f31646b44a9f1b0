"""The opposite."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic.base import only_bools
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, moved, op
from dslc.types import Type


@op
class LogicalNot(Op):
    """Whether an element is false.

    Shapes: `bool[...]` to `bool[...]`.
    """

    aliases = ("invert",)
    elementwise = True
    samples = (
        Sample("logical_not", ("bool[batch, 3]",), "bool[batch, 3]"),
        Sample(
            "logical_not", ("bool[2]",), "bool[2]", given=([True, False],), gives=[False, True], source="worked by hand"
        ),
        Refused("logical_not", ("i32[batch]",), "needs bool"),
    )

    def infer(self, x: Type) -> Type:
        only_bools(x)
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return jnp.logical_not(x)

    def cost(self, x: Type) -> Cost:
        return Cost(elements([x]), moved(x, x))

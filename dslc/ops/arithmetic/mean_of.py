"""The mean of tensors."""

from functools import reduce
from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import common, together
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class MeanOf(Op):
    """Mean of one or more tensors, element by element.

    Shapes: `[...]` and `[...]`, broadcast, to `[...]`.
    """

    aliases = ("Average",)
    elementwise = True
    linear = True
    samples = (
        Sample("mean_of", ("[batch, 3]", "[batch, 3]", "[3]"), "[batch, 3]"),
        Sample("mean_of", ("[2]", "[2]"), "[2]", given=([1.0, 4.0], [3.0, -1.0]), gives=[2.0, 1.5], source="by hand"),
        Refused("mean_of", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("mean_of", ("i32[batch]", "i32[batch]"), "needs floats"),
        Refused("mean_of", (), "at least one"),
    )

    def infer(self, *xs: Type) -> Type:
        if not xs:
            raise Mismatch("needs at least one tensor", "give a tuple: `(a, b) -> mean_of`")
        floating(*xs)
        return common(*xs)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        return reduce(jnp.add, together(*xs)) * (1 / len(xs))

    def cost(self, *xs: Type) -> Cost:
        out = self.infer(*xs)
        return Cost(len(xs) * elements([out]), moved(*xs, out))

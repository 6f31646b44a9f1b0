"""The order of elements, turned round, equality included."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import together
from dslc.ops.arithmetic.base import Comparison
from dslc.ops.base import Context, Refused, Sample, op


@op
class GreaterEqual(Comparison):
    """Whether elements of the first are above those of the second, or equal to them.

    Shapes: `[...]` and `[...]`, broadcast, to `bool[...]`.
    """

    symbol = ">="
    samples = (
        Sample("greater_equal", ("[batch, 3]", "[3]"), "bool[batch, 3]"),
        Sample("greater_equal", ("i32[batch]", "[batch]"), "bool[batch]"),
        Sample(
            "greater_equal",
            ("[3]", "[]"),
            "bool[3]",
            given=([1.0, 2.0, 3.0], 2.0),
            gives=[False, True, True],
            source="worked by hand",
        ),
        Refused("greater_equal", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("greater_equal", ("i32[batch]", "bool[batch]"), "do not mix"),
    )

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.greater_equal(*together(a, b))

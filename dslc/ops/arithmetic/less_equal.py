"""The order of elements, equality included."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import together
from dslc.ops.arithmetic.base import Comparison
from dslc.ops.base import Context, Refused, Sample, op


@op
class LessEqual(Comparison):
    """Whether elements of the first are below those of the second, or equal to them.

    Shapes: `[...]` and `[...]`, broadcast, to `bool[...]`.
    """

    symbol = "<="
    samples = (
        Sample("less_equal", ("[batch, 3]", "[3]"), "bool[batch, 3]"),
        Sample("less_equal", ("i32[batch]", "[batch]"), "bool[batch]"),
        Sample(
            "less_equal",
            ("[3]", "[]"),
            "bool[3]",
            given=([1.0, 2.0, 3.0], 2.0),
            gives=[True, True, False],
            source="worked by hand",
        ),
        Refused("less_equal", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("less_equal", ("i32[batch]", "bool[batch]"), "do not mix"),
    )

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.less_equal(*together(a, b))

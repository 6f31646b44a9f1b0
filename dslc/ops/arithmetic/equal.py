"""The equality of elements."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import together
from dslc.ops.arithmetic.base import Comparison
from dslc.ops.base import Context, Refused, Sample, op


@op
class Equal(Comparison):
    """Whether elements are equal.

    Shapes: `[...]` and `[...]`, broadcast, to `bool[...]`.
    """

    symbol = "=="
    samples = (
        Sample("equal", ("[batch, 3]", "[3]"), "bool[batch, 3]"),
        Sample("equal", ("i32[batch]", "[batch]"), "bool[batch]"),
        Sample(
            "equal",
            ("[3]", "[]"),
            "bool[3]",
            given=([1.0, 2.0, 3.0], 2.0),
            gives=[False, True, False],
            source="worked by hand",
        ),
        Refused("equal", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("equal", ("i32[batch]", "bool[batch]"), "do not mix"),
    )

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.equal(*together(a, b))

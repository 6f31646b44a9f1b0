"""The inequality of elements."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import together
from dslc.ops.arithmetic.base import Comparison
from dslc.ops.base import Context, Refused, Sample, op


@op
class NotEqual(Comparison):
    """Whether elements differ.

    Shapes: `[...]` and `[...]`, broadcast, to `bool[...]`.
    """

    symbol = "!="
    samples = (
        Sample("not_equal", ("[batch, 3]", "[3]"), "bool[batch, 3]"),
        Sample("not_equal", ("i32[batch]", "[batch]"), "bool[batch]"),
        Sample(
            "not_equal",
            ("[3]", "[]"),
            "bool[3]",
            given=([1.0, 2.0, 3.0], 2.0),
            gives=[True, False, True],
            source="worked by hand",
        ),
        Refused("not_equal", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("not_equal", ("i32[batch]", "bool[batch]"), "do not mix"),
    )

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.not_equal(*together(a, b))

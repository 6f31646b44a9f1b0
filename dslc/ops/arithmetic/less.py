"""The order of elements."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import together
from dslc.ops.arithmetic.base import Comparison
from dslc.ops.base import Context, Refused, Sample, op


@op
class Less(Comparison):
    """Whether elements of the first are below those of the second.

    Shapes: `[...]` and `[...]`, broadcast, to `bool[...]`.
    """

    symbol = "<"
    samples = (
        Sample("less", ("[batch, 3]", "[3]"), "bool[batch, 3]"),
        Sample("less", ("i32[batch]", "[batch]"), "bool[batch]"),
        Sample(
            "less",
            ("[3]", "[]"),
            "bool[3]",
            given=([1.0, 2.0, 3.0], 2.0),
            gives=[True, False, False],
            source="worked by hand",
        ),
        Refused("less", ("[batch, 3]", "[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("less", ("i32[batch]", "bool[batch]"), "do not mix"),
    )

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.less(*together(a, b))

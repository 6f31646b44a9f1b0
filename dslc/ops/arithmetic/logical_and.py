"""Both of two."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import together
from dslc.ops.arithmetic.base import Logic
from dslc.ops.base import Context, Refused, Sample, op


@op
class LogicalAnd(Logic):
    """Whether both of two elements are true.

    Shapes: `bool[...]` and `bool[...]`, broadcast, to `bool[...]`.
    """

    samples = (
        Sample("logical_and", ("bool[batch, 3]", "bool[3]"), "bool[batch, 3]"),
        Sample(
            "logical_and",
            ("bool[4]", "bool[4]"),
            "bool[4]",
            given=([True, True, False, False], [True, False, True, False]),
            gives=[True, False, False, False],
            source="its table of truth",
        ),
        Refused("logical_and", ("bool[batch, 3]", "bool[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("logical_and", ("bool[batch]", "[batch]"), "needs bool"),
    )

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.logical_and(*together(a, b))

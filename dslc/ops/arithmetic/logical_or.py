"""Either of two."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.arithmetic._broadcast import together
from dslc.ops.arithmetic.base import Logic
from dslc.ops.base import Context, Refused, Sample, op


@op
class LogicalOr(Logic):
    """Whether one of two elements is true, or both.

    Shapes: `bool[...]` and `bool[...]`, broadcast, to `bool[...]`.
    """

    samples = (
        Sample("logical_or", ("bool[batch, 3]", "bool[3]"), "bool[batch, 3]"),
        Sample(
            "logical_or",
            ("bool[4]", "bool[4]"),
            "bool[4]",
            given=([True, True, False, False], [True, False, True, False]),
            gives=[True, True, True, False],
            source="its table of truth",
        ),
        Refused("logical_or", ("bool[batch, 3]", "bool[batch, 4]"), "axis 1 differs: 3 and 4"),
        Refused("logical_or", ("bool[batch]", "[batch]"), "needs bool"),
    )

    def apply(self, weights: Any, a: Any, b: Any, *, ctx: Context) -> Any:
        return jnp.logical_or(*together(a, b))

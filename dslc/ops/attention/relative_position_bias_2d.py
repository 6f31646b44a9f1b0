"""What the place of one pixel beside another adds to their scores."""

from collections.abc import Mapping
from math import prod
from typing import Any

from dslc.initializers.truncated_normal import TruncatedNormal
from dslc.lazy import jnp, np
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, moved, op
from dslc.types import Type


@op
class RelativePositionBias2d(Op):
    """A trained number for each head and each way from one place of a window to another: a `position_bias` of attention.

    The table has a row for each pair of distances, down times across, and a column for each head.

    Shapes: nothing to `[heads, window * window, window * window]`.
    Reference: Liu et al., 2021, Swin transformer, arXiv:2103.14030.
    """

    heads: int
    window: int | tuple[int, int]
    keeps = ()
    samples = (
        Sample("relative_position_bias_2d(3, 7)", (), "[3, 49, 49]", parameters=507),
        Sample("relative_position_bias_2d(2, (2, 3))", (), "[2, 6, 6]", parameters=30),
        Sample(
            "relative_position_bias_2d(1, (1, 2))",
            (),
            "[1, 2, 2]",
            parameters=3,
            weights={"table": [[-1.0], [0.0], [5.0]]},
            gives=[[[0.0, -1.0], [5.0, 0.0]]],
            source="by hand: from the query's place to the key's, one to the left is the last row",
        ),
        Refused("relative_position_bias_2d(0, 7)", (), "at least 1"),
    )

    def infer(self) -> Type:
        if min(self.heads, *self._sides) < 1:
            raise Mismatch(f"`heads` and `window` must be at least 1, and are {self.heads} and {self.window}")
        return Type((self.heads, prod(self._sides), prod(self._sides)))

    def weights(self) -> Mapping[str, Weight]:
        rows = prod(2 * side - 1 for side in self._sides)
        return {"table": Weight((rows, self.heads), TruncatedNormal(0.02), rows, self.heads)}

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        return jnp.moveaxis(weights["table"][self._rows()], -1, 0)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        rows = prod(2 * side - 1 for side in self._sides)
        table = jnp.zeros((rows, self.heads), gradient.dtype)
        return {"table": table.at[self._rows()].add(jnp.moveaxis(gradient, 0, -1))}

    def cost(self) -> Cost:
        return Cost(0, moved(self.infer(), *self.weights().values()))

    @property
    def _sides(self) -> tuple[int, int]:
        return (self.window, self.window) if isinstance(self.window, int) else self.window

    def _rows(self) -> Any:
        """The row of the table for every query and key: the query's place minus the key's, counted from the least."""
        height, width = self._sides
        places = np.arange(height * width)
        down, across = (
            places[:, None] // width - places[None, :] // width + height - 1,
            places[:, None] % width - places[None, :] % width + width - 1,
        )
        return down * (2 * width - 1) + across

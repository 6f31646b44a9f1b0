"""Pinball loss."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Mismatch, Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss
from dslc.types import Type


@loss
class Quantile(Elementwise):
    """Absolute error that counts `at` where the prediction is too low and `1 - at` where it is too high.

    Its least value is at the quantile `at` of the targets: 0.5 asks for the median, 0.9 for what 9 of 10 stay below.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Koenker and Bassett, 1978, Regression quantiles.
    """

    at: float
    reduce: Reduce = "mean"

    aliases = ("pinball", "pinball_loss", "quantile_loss")
    flops = 4
    samples = (
        Sample(
            "quantile(0.9)",
            ("[3]", "[3]"),
            "[]",
            given=([1.0, 2.0, 3.0], [3.0, 2.0, 2.0]),
            gives=0.6333333333333333,
            source="by hand: (0.9 * 2 + 0 + 0.1 * 1) / 3",
        ),
        Sample('quantile(0.5, "none")', ("[batch, 2]", "[batch, 2]"), "[batch, 2]"),
        Refused("quantile(1)", ("[batch]", "[batch]"), "must lie between 0 and 1"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if not 0 < self.at < 1:
            raise Mismatch(f"`at = {self.at:g}` must lie between 0 and 1", "quantile(at = 0.9)")
        return super().infer(x, target, weight)

    def losses(self, x: Any, target: Any) -> Any:
        missing = target - x
        return jnp.maximum(self.at * missing, (self.at - 1) * missing)

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        missing = target - x
        # Where the two are equal the slope is 0, as that of `absolute_error`.
        slope = jnp.where(missing > 0, -self.at, jnp.where(missing < 0, 1 - self.at, 0)).astype(x.dtype)
        return slope, -slope

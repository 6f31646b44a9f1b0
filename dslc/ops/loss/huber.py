"""Huber loss."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Mismatch, Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss
from dslc.types import Type


@loss
class Huber(Elementwise):
    """Half the squared difference up to `delta`, straight beyond: `d ** 2 / 2`, or `delta * (|d| - delta / 2)`.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Huber, 1964.
    """

    delta: float = 1.0
    reduce: Reduce = "mean"

    aliases = ("HuberLoss", "SmoothL1Loss")
    flops = 6
    samples = (
        Sample(
            "huber(delta = 1)",
            ("[4]", "[4]"),
            "[]",
            given=([0.5, 1.0, 3.0, -2.0], [0.0, 0.0, 0.0, 0.0]),
            gives=1.15625,
            source="by hand: (0.125 + 0.5 + 2.5 + 1.5) / 4",
        ),
        Sample("huber(0.5)", ("[batch, n]", "[batch, n]", "[batch, 1]"), "[]"),
        Refused("huber(delta = 0)", ("[4]", "[4]"), "must be above 0"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if not self.delta > 0:
            raise Mismatch(
                f"`delta = {self.delta}` must be above 0", "use `absolute_error` for a straight loss everywhere"
            )
        return super().infer(x, target, weight)

    def losses(self, x: Any, target: Any) -> Any:
        distance = jnp.abs(x - target)
        # One product instead of two branches: the bent part is the distance up to delta.
        bent = jnp.minimum(distance, self.delta)
        return bent * (distance - 0.5 * bent)

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        slope = jnp.clip(x - target, -self.delta, self.delta)
        return slope, -slope

"""Binary cross-entropy on logits."""

from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops.base import Cost, Mismatch, Refused, Sample, elements
from dslc.ops.loss.base import Elementwise, Reduce, loss
from dslc.types import Type


@loss
class BinaryCrossEntropy(Elementwise):
    """Cross-entropy of independent yes-or-no questions: `-t * log(p) - (1 - t) * log(1 - p)` with `p = sigmoid(x)`.

    Takes logits (no sigmoid before it) and targets from 0 to 1, a constant included: `(score, 1)`. The part of the yes is
    multiplied by `positive_weight`, for questions with far more noes.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Good, 1952, Rational decisions.
    """

    reduce: Reduce = "mean"
    positive_weight: float = 1.0

    takes = "logits"
    aliases = ("BCEWithLogitsLoss", "BinaryCrossentropy", "bce")
    flops = 7
    samples = (
        Sample(
            "binary_cross_entropy",
            ("[batch, 1]", "i32[batch, 1]"),
            "[]",
            given=([[0.0], [2.0], [-3.0]], [[1], [1], [0]]),
            gives=0.2895541810588866,
            source="by hand: (log(2) + log(1 + exp(-2)) + log(1 + exp(-3))) / 3",
        ),
        Sample("binary_cross_entropy", ("[batch, 1]", "i32[]"), "[]"),
        Sample(
            "binary_cross_entropy(positive_weight = 3)",
            ("[2]", "[2]"),
            "[]",
            given=([0.0, 0.0], [1.0, 0.0]),
            gives=1.3862943611198906,
            source="by hand: (3 * log(2) + log(2)) / 2",
        ),
        Refused("binary_cross_entropy(positive_weight = 0)", ("[batch]", "[batch]"), "must be above 0"),
        Refused("binary_cross_entropy", ("[batch, 1]", "[batch]"), "`target` is [batch] where [batch, 1] is needed"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if not self.positive_weight > 0:
            raise Mismatch(f"`positive_weight = {self.positive_weight:g}` must be above 0", "leave it out for 1")
        return super().infer(x, target, weight)

    def losses(self, x: Any, target: Any) -> Any:
        if self.positive_weight != 1:
            return (1 - target) * x + self._share(target) * jax.nn.softplus(-x)
        return jnp.maximum(x, 0) - x * target + jnp.log1p(jnp.exp(-jnp.abs(x)))

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        if self.positive_weight != 1:
            by_target = (self.positive_weight - 1) * jax.nn.softplus(-x) - x
            return 1 - target - self._share(target) * jax.nn.sigmoid(-x), by_target
        return jax.nn.sigmoid(x) - target, -x

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        plain = super().cost(x, target, weight)
        return Cost(plain.flops + 6 * elements([x]) * (self.positive_weight != 1), plain.bytes)

    def _share(self, target: Any) -> Any:
        """What multiplies `-log(p)` once `-log(1 - p)` is written as `x - log(p)`."""
        return 1 + (self.positive_weight - 1) * target

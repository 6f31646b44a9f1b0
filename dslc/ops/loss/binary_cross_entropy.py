"""Binary cross-entropy on logits."""

from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops.base import Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss


@loss
class BinaryCrossEntropy(Elementwise):
    """Cross-entropy of independent yes-or-no questions: `-t * log(p) - (1 - t) * log(1 - p)` with `p = sigmoid(x)`.

    Takes logits (no sigmoid before it) and targets from 0 to 1, a constant included: `(score, 1)`.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Good, 1952, Rational decisions.
    """

    reduce: Reduce = "mean"

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
        Refused("binary_cross_entropy", ("[batch, 1]", "[batch]"), "`target` is [batch] where [batch, 1] is needed"),
    )

    def losses(self, x: Any, target: Any) -> Any:
        return jnp.maximum(x, 0) - x * target + jnp.log1p(jnp.exp(-jnp.abs(x)))

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        return jax.nn.sigmoid(x) - target, -x

"""Hinge loss."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss


@loss
class Hinge(Elementwise):
    """How far an answer stays behind a margin of 1 on its own side: `max(0, 1 - t * x)`, with `t` of 1 or -1.

    A target above 0 is a yes (1), any other a no (-1): labels of 0 and 1 serve as well as those of -1 and 1. No gradient
    goes to the target. For several classes `-> one_hot(n)` asks a question for each.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Cortes and Vapnik, 1995, Support-vector networks.
    """

    reduce: Reduce = "mean"

    takes = "logits"
    aliases = ("HingeLoss", "hinge_loss", "HingeEmbeddingLoss")
    flops = 5
    samples = (
        Sample(
            "hinge",
            ("[4]", "[4]"),
            "[]",
            given=([0.5, -2.0, 3.0, 0.0], [1.0, 1.0, -1.0, -1.0]),
            gives=2.125,
            source="by hand: (0.5 + 3 + 4 + 1) / 4",
        ),
        Sample('hinge("none")', ("[batch, 1]", "i32[batch, 1]"), "[batch, 1]"),
        Sample(
            "hinge",
            ("[3]", "bool[3]", "[3]"),
            "[]",
            given=([0.5, 0.5, 0.0], [True, False, False], [1.0, 1.0, 2.0]),
            gives=1.0,
            source="by hand: (0.5 + 1.5 + 2) / 4",
        ),
        Refused("hinge", ("[batch, 1]", "[batch]"), "`target` is [batch] where [batch, 1] is needed"),
    )

    def losses(self, x: Any, target: Any) -> Any:
        return jnp.maximum(0, 1 - _side(x, target) * x)

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        side = _side(x, target)
        return jnp.where(side * x < 1, -side, 0), jnp.zeros_like(x)


def _side(x: Any, target: Any) -> Any:
    return jnp.where(target > 0, 1, -1).astype(x.dtype)

"""Exponential of the mean cross-entropy."""

from typing import Any

from dslc.lazy import jnp, np
from dslc.ops.base import Context, Cost, Refused, Sample, elements, moved
from dslc.ops.loss.cross_entropy import CrossEntropy
from dslc.ops.metric._rows import weighed
from dslc.ops.metric.base import Metric, mean_of, metric
from dslc.types import Type

EACH = CrossEntropy(reduce="none")


@metric
class Perplexity(Metric):
    """Exponential of the mean cross-entropy: among how many equal choices the model seems to guess.

    Shapes: `[..., classes]` and `[...]` (and a weight that broadcasts to it) to sums `[2]`.
    Reference: Jelinek et al., 1977.
    """

    samples = (
        Sample(
            "perplexity",
            ("[batch, 4]", "i32[batch]"),
            "[2]",
            given=([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [1, 2]),
            gives=[2.772588722239781, 2.0],
            source="by hand: 2 * log(4), a perplexity of 4",
        ),
        Sample("perplexity", ("[batch, seq, vocab]", "i32[batch, seq]", "bool[batch, seq]"), "[2]"),
        Refused("perplexity", ("[batch, 3]", "i32[batch, 1]"), "`target` is i32[batch, 1]"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        return Type((2,), EACH.infer(x, target, weight).dtype)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        losses = EACH.apply({}, x, target, weight, ctx=ctx)
        return jnp.stack([losses.sum(), weighed(weight, losses.shape, x).sum()])

    def result(self, sums: Any) -> float:
        return float(np.exp(mean_of(sums)))

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        rows = elements([Type(x.shape[:-1])])
        return Cost(
            EACH.cost(x, target, weight).flops + 2 * rows, moved(x, target, weight, self.infer(x, target, weight))
        )

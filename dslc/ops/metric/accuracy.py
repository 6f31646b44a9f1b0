"""Share of right answers."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import wide
from dslc.ops.base import Context, Cost, Refused, Sample, moved
from dslc.ops.metric._rows import answers, answers_flops, rows, weighed
from dslc.ops.metric.base import Metric, mean_of, metric
from dslc.types import Type


@metric
class Accuracy(Metric):
    """Share of rows whose answer is right, weighted where there are weights.

    With class numbers the answer is the class of the largest logit; with a target of the shape of the logits each logit
    answers a question of its own, yes above 0.

    Shapes: `[..., classes]` and `[...]`, or `[...]` and a target that broadcasts to it, to sums `[2]`.
    """

    aliases = ("CategoricalAccuracy", "SparseCategoricalAccuracy", "BinaryAccuracy")
    samples = (
        Sample(
            "accuracy",
            ("[batch, 3]", "i32[batch]"),
            "[2]",
            given=([[0.1, 0.7, 0.2], [3.0, 1.0, 2.0], [0.0, 0.5, 1.0]], [1, 2, 2]),
            gives=[2.0, 3.0],
            source="by hand: 2 of 3 are right",
        ),
        Sample("accuracy", ("[batch, 1]", "[batch, 1]"), "[2]"),
        Sample("accuracy", ("[batch, seq, 3]", "i32[batch, seq]", "bool[batch, seq]"), "[2]"),
        Refused("accuracy", ("[batch, 3]", "[batch]"), "`target` is [batch]"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        rows(x, target, weight)
        return Type((2,), wide(x.dtype))

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        right, guess = answers(x, target)
        weight = weighed(weight, right.shape, x)
        return jnp.stack([jnp.where(right == guess, weight, 0).sum(), weight.sum()])

    def result(self, sums: Any) -> float:
        return mean_of(sums)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        flops, count = answers_flops(x, target, weight)
        # A comparison, a choice, two sums and their weights for every row.
        return Cost(flops + 6 * count, moved(x, target, weight, self.infer(x, target, weight)))

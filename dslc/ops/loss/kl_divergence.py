"""Divergence of distributions."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import must_equal, rows_of
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, reduced, reduced_type, reduction_flops
from dslc.types import Type


@loss
class KlDivergence(Loss):
    """Kullback-Leibler divergence of the target from the prediction: `sum(t * (log(t) - x))` along the last axis.

    Takes log-probabilities, as `log_softmax` gives them, and probabilities as the target; a target of 0 counts 0. The
    mean is one of rows, PyTorch's "batchmean".

    Shapes: `[..., classes]` and `[..., classes]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Kullback and Leibler, 1951, On information and sufficiency.
    """

    reduce: Reduce = "mean"

    aliases = ("KLDivLoss", "KLDivergence", "kl_div", "kl")
    samples = (
        Sample(
            "kl_divergence",
            ("[2, 2]", "[2, 2]"),
            "[]",
            given=([[-0.6931471805599453, -0.6931471805599453], [-1.0, -2.0]], [[1.0, 0.0], [0.5, 0.5]]),
            gives=0.75,
            source="by hand: (log(2) + 1.5 - log(2)) / 2",
        ),
        Sample('kl_divergence("none")', ("[batch, seq, 3]", "[batch, seq, 3]"), "[batch, seq]"),
        Sample("kl_divergence", ("[batch, 3]", "[batch, 3]", "[batch]"), "[]"),
        Refused("kl_divergence", ("[batch, 3]", "[batch, 4]"), "`target` is [batch, 4]"),
        Refused("kl_divergence", ("[batch, 3]", "i32[batch, 3]"), "needs floats"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        floating(x)
        rows = rows_of(x)
        must_equal(x, target, "target", 1)
        return reduced_type(rows, self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, target = heeded(weight, x.shape[:-1], widened(x), widened(target))
        target = target.astype(x.dtype)
        # The logarithm of 1 in place of that of 0: neither the product nor its slope is 0 times infinity.
        there = target > 0
        log_target = jnp.log(jnp.where(there, target, 1))
        return reduced(jnp.sum(target * (log_target - x), axis=-1), weight, self.reduce)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        flops = 6 * elements([x]) + reduction_flops(self.reduce, weight) * elements([rows_of(x)])
        return Cost(flops, moved(x, target, weight, out))

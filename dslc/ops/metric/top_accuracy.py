"""Share of answers among the first guesses."""

from typing import Any

from dslc.dims import less
from dslc.lazy import jnp, lax
from dslc.ops._wide import wide
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, moved
from dslc.ops.metric._rows import rows, weighed
from dslc.ops.metric.base import Metric, mean_of, metric
from dslc.types import Type


@metric
class TopAccuracy(Metric):
    """Share of rows whose class is among the `k` of the largest logits, weighted where there are weights.

    Of equal logits the one of the smaller class number is the larger, so `top_accuracy(1)` is `accuracy`.

    Shapes: `[..., classes]` and `[...]` to sums `[2]`.
    Reference: Russakovsky et al., 2014, arXiv:1409.0575.
    """

    k: int

    aliases = ("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "top_k_accuracy", "top_k_accuracy_score")
    samples = (
        Sample(
            "top_accuracy(2)",
            ("[batch, 3]", "i32[batch]"),
            "[2]",
            given=([[0.1, 0.7, 0.2], [3.0, 1.0, 2.0], [0.0, 0.5, 1.0]], [0, 2, 2]),
            gives=[2.0, 3.0],
            source="by hand: 0 comes third, 2 second, 2 first",
        ),
        Sample("top_accuracy(5)", ("[batch, seq, 10]", "i32[batch, seq]", "bool[batch, seq]"), "[2]"),
        Refused("top_accuracy(3)", ("[batch, 3]", "i32[batch]"), "always right"),
        Refused("top_accuracy(0)", ("[batch, 3]", "i32[batch]"), "`k = 0`"),
        Refused("top_accuracy(2)", ("[batch, 3]", "bool[batch, 3]"), "class numbers"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if self.k < 1:
            raise Mismatch(f"`k = {self.k}` guesses are none", "top_accuracy(5)")
        _, binary = rows(x, target, weight)
        if binary:
            reason = f"needs class numbers {Type(x.shape[:-1], 'i32')}, and the target is {target}"
            raise Mismatch(reason, "for yes-or-no questions use `accuracy`", 1)
        if not less(self.k, x.shape[-1]) and isinstance(x.shape[-1], int):
            reason = f"`k = {self.k}` guesses among {x.shape[-1]} classes are always right"
            raise Mismatch(reason, f"use a `k` below {x.shape[-1]}, or `accuracy` for the first guess alone", 0)
        return Type((2,), wide(x.dtype))

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        label = target.astype(jnp.int32)[..., None]
        taken = jnp.take_along_axis(x, jnp.where(label < 0, x.shape[-1], label), axis=-1)
        number = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
        # Said by what lies behind: nothing lies behind a logit that is not a number.
        behind = (x < taken) | ((x == taken) & (number >= label))
        right = jnp.sum(~behind, axis=-1, dtype=jnp.int32) < self.k
        weight = weighed(weight, target.shape, x)
        return jnp.stack([jnp.where(right, weight, 0).sum(), weight.sum()])

    def result(self, sums: Any) -> float:
        return mean_of(sums)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        return Cost(7 * elements([x]) + 12 * elements([Type(x.shape[:-1])]), moved(x, target, weight, out))

"""Finding the other one of a pair among a batch."""

from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import must_equal, rows_of
from dslc.ops.loss.base import Loss, Reduce, counting, heeded, loss, reduced, reduced_type, reduction_flops
from dslc.types import Type


@loss
class InfoNce(Loss):
    """Cross-entropy of finding each row's partner, the target's row of the same number, among all rows of the target.

    Logits are the products of rows, divided by `temperature`; for cosines put `l2_normalize` before. With `symmetric`
    it is the mean of this and of finding the row of each target, as in CLIP. A pair of weight 0 is still among the rows that
    the others are told from.

    Shapes: `[batch, n]` and `[batch, n]` (and a weight that broadcasts to `[batch]`) to `[]`.
    Reference: van den Oord, Li and Vinyals, 2018, arXiv:1807.03748; Radford et al., 2021, arXiv:2103.00020.
    """

    temperature: float
    symmetric: bool = False
    reduce: Reduce = "mean"

    aliases = ("InfoNCE", "NTXentLoss", "nt_xent", "ntxent")
    samples = (
        Sample(
            "info_nce(temperature = 2)",
            ("[2, 2]", "[2, 2]"),
            "[]",
            given=([[2.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 3.0]]),
            gives=0.18092451964774,
            source="by hand: (log(1 + exp(-1)) + log(1 + exp(-3))) / 2",
        ),
        Sample("info_nce(0.1, symmetric = true)", ("[batch, 8]", "[batch, 8]", "[batch]"), "[]"),
        Refused("info_nce(0)", ("[batch, 8]", "[batch, 8]"), "must be above 0"),
        Refused("info_nce(1)", ("[batch, 4, 8]", "[batch, 4, 8]"), "[batch, n]"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if not self.temperature > 0:
            raise Mismatch(f"`temperature = {self.temperature:g}` must be above 0", "info_nce(temperature = 0.1)")
        floating(x)
        if x.rank != 2:
            raise Mismatch(f"needs one row for each item, [batch, n], and gets {x}", "`-> flatten` makes a row", 0)
        must_equal(x, target, "target", 1)
        return reduced_type(rows_of(x), self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, target = widened(x), widened(target)
        if weight is not None and not self.symmetric:
            # With `symmetric` it is among the rows that targets are told from, and so in their losses.
            (x,) = heeded(weight, x.shape[:1], counting(x, jnp.broadcast_to(weight, x.shape[:1])[:, None]))
        logits = x @ target.T / self.temperature
        if not self.symmetric:
            (logits,) = heeded(weight, x.shape[:1], logits)
        right = jnp.sum(x * target, axis=-1) / self.temperature
        losses = jax.nn.logsumexp(logits, axis=1) - right
        if self.symmetric:
            losses = 0.5 * (losses + jax.nn.logsumexp(logits, axis=0) - right)
        return reduced(losses, weight, self.reduce)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        batch, features = elements([rows_of(x)]), elements([x])
        sides = 1 + self.symmetric
        flops = 2 * batch * features + (1 + 4 * sides) * batch * batch + 2 * features
        return Cost(flops + (6 * sides + reduction_flops(self.reduce, weight)) * batch, moved(x, target, weight, out))

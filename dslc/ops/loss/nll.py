"""Likelihood of classes."""

from typing import Any

from dslc.dims import same
from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import rows_of
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, reduced, reduced_type, reduction_flops
from dslc.types import Type


@loss
class Nll(Loss):
    """Negative log-probability of the target class, from log-probabilities as `log_softmax` gives them.

    Targets equal to `ignore` count as weight 0. On logits `cross_entropy` does both at once.

    Shapes: `[..., classes]` and `[...]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Fisher, 1922, On the mathematical foundations of theoretical statistics.
    """

    ignore: int | None = None
    reduce: Reduce = "mean"

    aliases = ("NLLLoss", "negative_log_likelihood")
    samples = (
        Sample(
            "nll",
            ("[2, 3]", "i32[2]"),
            "[]",
            given=([[-1.0, -2.0, -3.0], [-4.0, -5.0, -6.0]], [1, 2]),
            gives=4.0,
            source="by hand: (2 + 6) / 2",
        ),
        Sample(
            "nll(ignore = 0)",
            ("[3, 2]", "i32[3]", "[3]"),
            "[]",
            given=([[-1.0, -2.0], [-3.0, -4.0], [-5.0, -7.0]], [1, 0, 1], [1.0, 5.0, 3.0]),
            gives=5.75,
            source="by hand: (2 + 3 * 7) / 4",
        ),
        Sample('nll(reduce = "none")', ("[batch, seq, 5]", "i32[batch, seq]"), "[batch, seq]"),
        Refused("nll", ("[batch, 3]", "i32[batch, 1]"), "`target` is i32[batch, 1]"),
        Refused("nll", ("[batch, 3]", "[batch, 3]"), "class numbers"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        floating(x)
        rows = rows_of(x)
        numbers = rows.with_dtype("i32")
        if not target.is_integer:
            reason = f"`target` is {target} where class numbers {numbers} are needed"
            raise Mismatch(reason, "for probabilities use `kl_divergence`", 1)
        if target.rank != rows.rank or any(same(*pair) is False for pair in zip(target.shape, rows.shape, strict=True)):
            raise Mismatch(f"`target` is {target} where {numbers} is needed", None, 1)
        return reduced_type(rows, self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x, labels = widened(x), target.astype(jnp.int32)
        if self.ignore is not None:
            counted = (labels != self.ignore).astype(x.dtype)
            labels = jnp.where(labels == self.ignore, 0, labels)
            weight = counted if weight is None else counted * jnp.broadcast_to(weight, counted.shape).astype(x.dtype)
        (x,) = heeded(weight, labels.shape, x)
        # A number outside of the classes gives NaN when it is looked up, a negative one would count from the end.
        labels = jnp.where(labels < 0, x.shape[-1], labels)
        return reduced(-jnp.take_along_axis(x, labels[..., None], axis=-1)[..., 0], weight, self.reduce)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        counted = 2 * (self.ignore is not None)
        rows = elements([rows_of(x)])
        # A check of the number, a lookup, a sign.
        return Cost((8 + counted + reduction_flops(self.reduce, weight)) * rows, moved(x, target, weight, out))

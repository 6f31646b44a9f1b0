"""Cross-entropy that turns to what is hard."""

from typing import Any

from dslc.dims import same
from dslc.lazy import jax, jnp, lax
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, must_broadcast, reduced, reduced_type, reduction_flops
from dslc.types import Type


@loss
class Focal(Loss):
    """Cross-entropy of each answer times `(1 - p) ** gamma`, with p the probability that the right answer has.

    Takes logits. Class numbers, which lack the last axis of the logits, choose one of the classes; a target of the shape
    of the logits answers a yes-or-no question with each. There `balance` weighs a yes, and `1 - balance` a no.

    Shapes: `[..., classes]` and `[...]`, or `[...]` and a target that broadcasts to it (and a weight, likewise), to `[]`.
    Reference: Lin, Goyal, Girshick, He and Dollar, 2017, arXiv:1708.02002.
    """

    gamma: float = 2.0
    balance: float | None = None
    reduce: Reduce = "mean"

    takes = "logits"
    aliases = ("FocalLoss", "sigmoid_focal_loss", "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy")
    samples = (
        Sample(
            "focal",
            ("[batch, 1]", "i32[batch, 1]"),
            "[]",
            given=([[0.0], [0.0], [1.0986122886681098]], [[1], [0], [1]]),
            gives=0.12151790660273631,
            source="by hand: (log(2) / 4 * 2 + log(4 / 3) / 16) / 3",
        ),
        Sample(
            "focal(gamma = 1)",
            ("[2, 3]", "i32[2]"),
            "[]",
            given=([[0.0, 0.0, 0.0], [0.0, 0.0, 0.6931471805599453]], [1, 2]),
            gives=0.5394910614676,
            source="by hand: (2 / 3 * log(3) + log(2) / 2) / 2",
        ),
        Sample("focal(2, 0.25)", ("[batch, h, w, 4]", "bool[batch, h, w, 4]", "[batch, h, w, 1]"), "[]"),
        Refused("focal(gamma = -1)", ("[batch, 1]", "[batch, 1]"), "must be at least 0"),
        Refused("focal(2, 0.25)", ("[batch, 3]", "i32[batch]"), "yes-or-no"),
        Refused("focal", ("[batch, 3]", "[batch]"), "`target` is [batch] where [batch, 3] is needed"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if not self.gamma >= 0:
            raise Mismatch(f"`gamma = {self.gamma:g}` must be at least 0", "focal(gamma = 2)")
        if self.balance is not None and not 0 < self.balance < 1:
            raise Mismatch(f"`balance = {self.balance:g}` must lie between 0 and 1", "focal(balance = 0.25)")
        floating(x)
        if not _of_classes(x, target):
            must_broadcast(target, x.shape, "target", 1)
            return reduced_type(x, self.reduce, weight)
        if self.balance is not None:
            raise Mismatch(
                "`balance` weighs yes-or-no answers, and the target has class numbers", "leave `balance` out", 1
            )
        if same(x.shape[-1], 1) or any(same(*pair) is False for pair in zip(target.shape, x.shape[:-1], strict=True)):
            reason = (
                f"`target` is {target} where the logits {x} need {Type(x.shape[:-1], 'i32')} and at least 2 classes"
            )
            raise Mismatch(reason, None, 1)
        return reduced_type(Type(x.shape[:-1], x.dtype), self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        classes = target.ndim == x.ndim - 1 and jnp.issubdtype(target.dtype, jnp.integer)
        x = widened(x)
        if classes:
            (x,) = heeded(weight, target.shape, x)
            return reduced(self._of_one(x, target), weight, self.reduce)
        target = jnp.broadcast_to(target, x.shape).astype(x.dtype)
        return reduced(self._of_each(*heeded(weight, x.shape, x, target)), weight, self.reduce)

    def _of_one(self, x: Any, target: Any) -> Any:
        labels = target.astype(jnp.int32)[..., None]
        labels = jnp.where(labels < 0, x.shape[-1], labels)
        total = jax.nn.logsumexp(x, axis=-1)
        taken = jnp.take_along_axis(x, labels, axis=-1)[..., 0]
        # The other classes added up, and not 1 - p: of a sure answer that would leave no digits, and no slope.
        others = jnp.where(lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1) == labels, -jnp.inf, x)
        return jnp.exp(self.gamma * (jax.nn.logsumexp(others, axis=-1) - total)) * (total - taken)

    def _of_each(self, x: Any, target: Any) -> Any:
        yes, no = jax.nn.softplus(-x), jax.nn.softplus(x)
        right = target * yes + (1 - target) * no
        # -log of the probability of the wrong answer; of a target between yes and no the probabilities mix.
        mixed = target * jnp.exp(-no) + (1 - target) * jnp.exp(-yes)
        # The least number above 0 keeps the slope of a power below 1 finite.
        hard = jnp.maximum(mixed, jnp.finfo(x.dtype).tiny) ** self.gamma
        if self.balance is not None:
            hard = hard * (self.balance * target + (1 - self.balance) * (1 - target))
        return hard * right

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        reduction = reduction_flops(self.reduce, weight)
        if _of_classes(x, target):
            # Two sums of exponentials, each with its maximum and subtraction.
            flops = 9 * elements([x]) + (9 + reduction) * elements([Type(x.shape[:-1])])
        else:
            flops = (24 + 5 * (self.balance is not None) + reduction) * elements([x])
        return Cost(flops, moved(x, target, weight, out))


def _of_classes(x: Type, target: Type) -> bool:
    return target.is_integer and target.rank == x.rank - 1

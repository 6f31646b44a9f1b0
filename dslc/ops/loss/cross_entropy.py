"""Cross-entropy on logits."""

from typing import Any

from dslc.dims import same
from dslc.lazy import jax, jnp, lax
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss.base import (
    Loss,
    Reduce,
    as_given,
    loss,
    reduced,
    reduced_type,
    reduction_flops,
    sloped,
    spread,
)
from dslc.types import Type


@loss
class CrossEntropy(Loss):
    """Negative log-probability of the target class, from logits along the last axis (no softmax before it).

    Integer targets are class numbers, float targets of the shape of the logits are probabilities. `smoothing` moves that
    share of the target evenly over all classes. Targets equal to `ignore` count as weight 0. `class_weights` weigh each
    row by its class, as the input `weight` does; of probabilities they weigh each class, and the mean is one of rows.

    Shapes: `[..., classes]` and `[...]` or `[..., classes]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Bridle, 1990; smoothing by Szegedy et al., 2015, arXiv:1512.00567.
    """

    smoothing: float = 0.0
    ignore: int | None = None
    reduce: Reduce = "mean"
    class_weights: tuple[float, ...] | None = None

    takes = "logits"
    keeps = ("x", "target", "weight")
    saves = ("logsumexp",)
    aliases = ("CrossEntropyLoss", "SparseCategoricalCrossentropy", "CategoricalCrossentropy", "nll_loss")
    samples = (
        Sample(
            "cross_entropy",
            ("[batch, 3]", "i32[batch]"),
            "[]",
            given=([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], [1, 2]),
            gives=0.7531091265568107,
            source="by hand: (log(3) + log(1 + exp(-1) + exp(-2))) / 2",
        ),
        Sample(
            "cross_entropy(smoothing = 0.1)",
            ("[batch, 3]", "i32[batch]", "[batch]"),
            "[]",
            given=([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], [1, 2], [0.0, 2.0]),
            gives=0.5076059644443804,
            source="by hand: 0.9 * z + 0.1 * (z + 1) with z = log(1 + exp(-1) + exp(-2))",
        ),
        Sample(
            "cross_entropy(class_weights = [1, 2, 1])",
            ("[batch, 3]", "i32[batch]"),
            "[]",
            given=([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], [1, 2]),
            gives=0.8682768442729725,
            source="by hand: (2 * log(3) + log(1 + exp(-1) + exp(-2))) / 3",
        ),
        Sample("cross_entropy", ("[batch, seq, vocab]", "i32[batch, seq]"), "[]"),
        Sample("cross_entropy", ("[batch, 10]", "[batch, 10]"), "[]"),
        Sample("cross_entropy(0.1, class_weights = [1.0, 0.5])", ("[batch, 2]", "[batch, 2]"), "[]"),
        Refused("cross_entropy", ("[batch, 10]", "i32[batch, 1]"), "`target` is i32[batch, 1]"),
        Refused("cross_entropy", ("[batch, 10]", "[batch, 9]"), "9 classes"),
        Refused("cross_entropy(class_weights = [1, 2])", ("[batch, 10]", "i32[batch]"), "2 numbers"),
        Refused("cross_entropy(0.1, class_weights = [1, 2])", ("[batch, 2]", "i32[batch]"), "smoothing"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        self._check_settings()
        floating(x)
        if x.rank == 0 or same(x.shape[-1], 1):
            raise Mismatch(
                f"needs logits of at least 2 classes along the last axis, and gets {x}",
                "for one logit a question use `binary_cross_entropy`",
                0,
            )
        _check_target(x, target, self.ignore)
        self._check_class_weights(x, target)
        return reduced_type(Type(x.shape[:-1], x.dtype), self.reduce, weight)

    def saved(self, x: Type, target: Type, weight: Type | None = None) -> dict[str, Type]:
        return {"logsumexp": Type(x.shape[:-1], wide(x.dtype))}

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, target, weight, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x = widened(x)
        logsumexp = jax.nn.logsumexp(x, axis=-1)
        losses = self._losses(x, target, logsumexp)
        return reduced(losses, self._weight(target, weight, losses), self.reduce), {"logsumexp": logsumexp}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        x, target, logsumexp = widened(kept["x"]), kept["target"], kept["logsumexp"]
        weight = kept.get("weight")
        counts = self._weight(target, weight, logsumexp)
        each, by_weight = spread(lambda: self._losses(x, target, logsumexp), gradient, counts, logsumexp, self.reduce)
        each, log_total = each[..., None], logsumexp[..., None]
        shares = None if counts is None else counts[..., None]
        probability, wanted = jnp.exp(x - log_total), self._wanted(x, target)
        gradients: dict[str, Any] = {}
        if _is_soft(x, target):
            probability = probability * jnp.sum(wanted, axis=-1, keepdims=True)
            slope = (1 - self.smoothing) * (log_total - x) * self._classes(x)
            gradients["target"] = as_given(sloped(slope, each, shares), target)
        gradients["x"] = as_given(sloped(probability - wanted, each, shares), kept["x"])
        if weight is not None:
            counted = self.counted(target, logsumexp)
            gradients["weight"] = as_given(by_weight["weight"].astype(counted.dtype) * counted, weight)
        return gradients

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        # Maximum, subtraction, exponential and sum of the logits; the losses of single examples on top.
        weighted = self.class_weights is not None
        soft = (2 + weighted) * target.is_float + 2 * (self.smoothing > 0)
        # Of a class's weight: its index checked, fetched, and what it makes 0 left out.
        each = 4 + reduction_flops(self.reduce, weight) + 12 * (weighted and target.is_integer)
        out = self.infer(x, target, weight)
        flops = (4 + soft) * elements([x]) + each * elements([Type(x.shape[:-1])])
        return Cost(flops, moved(x, target, weight, out))

    def _check_settings(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise Mismatch(
                f"`smoothing = {self.smoothing}` must be at least 0 and below 1", "cross_entropy(smoothing = 0.1)"
            )

    def _check_class_weights(self, x: Type, target: Type) -> None:
        if self.class_weights is None:
            return
        if same(x.shape[-1], len(self.class_weights)) is False:
            reason = f"`class_weights` are {len(self.class_weights)} numbers, and the logits have {x.shape[-1]} classes"
            raise Mismatch(reason, "give a number for each class", 0)
        if not all(number >= 0 for number in self.class_weights):
            raise Mismatch(f"`class_weights` has {min(self.class_weights):g}, below 0", "give numbers of 0 or more")
        if self.smoothing > 0 and not target.is_float:
            reason = "`class_weights` weigh the class of a number, which `smoothing` spreads over all classes"
            raise Mismatch(reason, f"make probabilities of it: `label -> one_hot({x.shape[-1]})`", 1)

    def _losses(self, x: Any, target: Any, logsumexp: Any) -> Any:
        if _is_soft(x, target):
            wanted = self._wanted(x, target)
            return jnp.sum(wanted, axis=-1) * logsumexp - jnp.sum(wanted * x, axis=-1)
        taken = jnp.take_along_axis(x, self._labels(target, x), axis=-1)[..., 0]
        if self.smoothing == 0:
            return logsumexp - taken
        return logsumexp - (1 - self.smoothing) * taken - self.smoothing * jnp.mean(x, axis=-1)

    def _wanted(self, x: Any, target: Any) -> Any:
        """Probability that each class should have, smoothed."""
        share = self.smoothing / x.shape[-1]
        if _is_soft(x, target):
            return ((1 - self.smoothing) * target.astype(x.dtype) + share) * self._classes(x)
        number = lax.broadcasted_iota(jnp.int32, x.shape, x.ndim - 1)
        return jnp.where(number == self._labels(target, x), 1 - self.smoothing + share, share).astype(x.dtype)

    def _labels(self, target: Any, x: Any) -> Any:
        """Class numbers with a last axis of 1; a number outside of the classes gives NaN when it is looked up."""
        labels = target.astype(jnp.int32)[..., None]
        if self.ignore is not None:
            labels = jnp.where(labels == self.ignore, 0, labels)
        return jnp.where(labels < 0, x.shape[-1], labels)

    def counted(self, target: Any, like: Any) -> Any:
        """What each target counts: 0 one to ignore, else the weight of its class."""
        counted = jnp.ones_like(like)
        if target.ndim != like.ndim:
            return counted
        if self.class_weights is not None:
            labels = target if self.ignore is None else jnp.where(target == self.ignore, 0, target)
            # A number outside of the classes weighs no number: its loss is none, and a weight of 0 would hide it.
            labels = jnp.where(labels < 0, len(self.class_weights), labels)
            counted = jnp.take(jnp.asarray(self.class_weights, like.dtype), labels, mode="fill", fill_value=jnp.nan)
        return counted if self.ignore is None else jnp.where(target == self.ignore, 0, counted)

    def _classes(self, x: Any) -> Any:
        """What each class of probabilities counts, of the rank of the logits."""
        table = (1.0,) if self.class_weights is None else self.class_weights
        return jnp.asarray(table, x.dtype).reshape((1,) * (x.ndim - 1) + (-1,))

    def _weight(self, target: Any, weight: Any, like: Any) -> Any:
        if self.ignore is None and (self.class_weights is None or target.ndim != like.ndim):
            return weight
        counted = self.counted(target, like)
        return counted if weight is None else counted * jnp.broadcast_to(weight, like.shape).astype(like.dtype)


def _is_soft(x: Any, target: Any) -> bool:
    return target.ndim == x.ndim


def _check_target(x: Type, target: Type, ignore: int | None) -> None:
    numbers, soft = Type(x.shape[:-1], "i32"), target.is_float and target.rank == x.rank
    if not soft and not target.is_integer:
        reason = f"`target` is {target}, neither class numbers {numbers} nor probabilities {x}"
        raise Mismatch(reason, 'turn class numbers into integers: `-> cast("i32")`', 1)
    if soft and ignore is not None:
        raise Mismatch("`ignore` is a class number, and float targets are probabilities", "leave `ignore` out", 1)
    if soft and same(target.shape[-1], x.shape[-1]) is False:
        reason = f"`target` has {target.shape[-1]} classes where the logits have {x.shape[-1]}"
        raise Mismatch(reason, f"end the model in `dense({target.shape[-1]})`", 1)
    wanted = x if soft else numbers
    if target.rank != wanted.rank or any(same(*pair) is False for pair in zip(target.shape, wanted.shape, strict=True)):
        way = "take the last axis off the target: `-> squeeze`" if target.rank == x.rank and not soft else None
        if way and same(target.shape[-1], x.shape[-1]):
            way = 'one-hot targets are probabilities, which are floats: `-> cast("f32")`'
        raise Mismatch(f"`target` is {target} where the logits {x} need {wanted}", way, 1)

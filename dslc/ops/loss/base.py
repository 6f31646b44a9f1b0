"""What a loss is: an op on predictions and targets that gives one number to make small.

With `reduce = "mean"` it is the mean of the losses of all elements, weighted where there are weights
(`sum(w * l) / sum(w)`, and 0 when all weights are 0); `"sum"` adds them, `"none"` (or `none`) leaves them as they are.
What has a weight of 0 counts for nothing, forward and backward, though its loss be no number: the product would be none either.
"""

from typing import Any, ClassVar, Literal

from dslc.lazy import jnp, lax
from dslc.ops._wide import to_sum, wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Op, broadcast, elements, floating, moved, op
from dslc.types import Type

Reduce = Literal["mean", "sum", "none"] | None

loss = op


class Loss(Op):
    """A loss; its field `reduce` says what becomes of the losses of single elements."""

    precision = "own"
    takes: ClassVar[Literal["logits", "values"]] = "values"
    """Whether the predictions are logits, which neither softmax nor sigmoid may touch before."""

    reduce: Reduce


class Elementwise(Loss):
    """A loss that compares every prediction with its own target. Subclasses give `losses` and `slopes`."""

    keeps = ("x", "target", "weight")
    flops: ClassVar[int]
    """Operations for each element, those of the reduction left out."""

    def losses(self, x: Any, target: Any) -> Any:
        """The loss of every element, from two arrays of one shape and dtype."""
        raise AssertionError(type(self).__name__)

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        """Derivatives of `losses` by the prediction and by the target."""
        raise AssertionError(type(self).__name__)

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        floating(x)
        must_broadcast(target, x.shape, "target", 1)
        return reduced_type(x, self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        return reduced(self.losses(*_paired(x, target)), weight, self.reduce)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        x, target = _paired(kept["x"], kept["target"])
        each, by_weight = spread(lambda: self.losses(x, target), gradient, kept.get("weight"), x, self.reduce)
        by_x, by_target = (sloped(slope, each, kept.get("weight")) for slope in self.slopes(x, target))
        return {"x": as_given(by_x, kept["x"]), "target": as_given(by_target, kept["target"]), **by_weight}

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        steps = self.flops + reduction_flops(self.reduce, weight)
        return Cost(steps * elements([x]), moved(x, target, weight, self.infer(x, target, weight)))


def must_broadcast(type: Type, shape: tuple[Any, ...], name: str, input: int) -> None:
    """Refuse a target or weight that does not stretch to `shape`, or would stretch it.

    Raises:
        Mismatch: with both shapes.
    """
    wanted = Type(shape)
    try:
        fits = broadcast(wanted, type) == shape
    except Mismatch:
        fits = False
    if not fits:
        spare = type.rank == wanted.rank - 1 and shape[-1] == 1
        help = (
            "take the last axis off the predictions: `-> squeeze`" if spare else f"give the {name} the shape {wanted}"
        )
        raise Mismatch(f"`{name}` is {type} where {wanted} is needed", help, input)


def reduced_type(losses: Type, reduce: Reduce, weight: Type | None) -> Type:
    """Type of the reduced losses, which have the shape of `losses`."""
    if weight is not None:
        must_broadcast(weight, losses.shape, "weight", 2)
    dtype = wide(losses.dtype)
    return Type((), dtype) if reduce in ("mean", "sum") else Type(losses.shape, dtype)


def reduced(losses: Any, weight: Any, reduce: Reduce) -> Any:
    """Losses of single elements, weighted and reduced."""
    if weight is not None:
        weight = jnp.broadcast_to(weight, losses.shape).astype(losses.dtype)
        losses = counting(losses, weight) * weight
    if reduce in ("none", None):
        return losses
    total = jnp.sum(to_sum(losses))
    return total if reduce == "sum" else total / _count(losses, weight)


def spread(losses: Any, gradient: Any, weight: Any, like: Any, reduce: Reduce) -> tuple[Any, dict[str, Any]]:
    """Gradient of the loss of every element, and that of `weight` if there is one; the reverse of `reduced`.

    `losses` is a function, called only for the gradient of the weights; `like` has the shape and dtype of the losses.
    """
    if weight is None:
        share = gradient / like.size if reduce == "mean" else gradient
        return jnp.broadcast_to(share, like.shape), {}
    weights = jnp.broadcast_to(weight, like.shape).astype(like.dtype)
    values = counting(losses(), weights)
    if reduce == "mean":
        count = _count(like, weights)
        gradient, values = gradient / count, values - jnp.sum(values * weights) / count
    each = jnp.broadcast_to(gradient, like.shape)
    return each * weights, {"weight": as_given(each * values, weight)}


def counting(values: Any, weights: Any) -> Any:
    """The values, 0 in place of what is no number and has the weight 0."""
    return jnp.where(_is_none(weights) & ~jnp.isfinite(values), 0, values)


def sloped(slopes: Any, each: Any, weight: Any) -> Any:
    """Slopes of losses times the gradients of the losses, 0 where the weight is."""
    product = slopes * each
    return product if weight is None else jnp.where(_is_none(jnp.broadcast_to(weight, product.shape)), 0, product)


def heeded(weight: Any, shape: tuple[int, ...], *arrays: Any) -> tuple[Any, ...]:
    """The arrays, without a gradient where the weight of a loss is 0, for rules that are derived.

    `shape` is that of the losses, with which the shape of every array begins.
    """
    if weight is None:
        return arrays
    skipped = _is_none(jnp.broadcast_to(weight, shape))
    return tuple(
        jnp.where(
            jnp.broadcast_to(skipped.reshape(*shape, *(1,) * (array.ndim - len(shape))), array.shape),
            lax.stop_gradient(array),
            array,
        )
        for array in arrays
    )


def as_given(gradient: Any, array: Any) -> Any:
    """The gradient in the dtype of its array; integers have none, and the caller drops it."""
    return gradient.astype(array.dtype) if jnp.issubdtype(array.dtype, jnp.floating) else gradient


def reduction_flops(reduce: Reduce, weight: Type | None) -> int:
    """Operations of the reduction for each element."""
    adds = reduce in ("mean", "sum")
    # With weights: whether one is 0, whether the loss is a number, both, and the choice.
    return adds if weight is None else 5 + 2 * adds if reduce == "mean" else 5 + adds


def _count(like: Any, weight: Any) -> Any:
    """What the mean divides by; 1 where all weights are 0."""
    if weight is None:
        return like.size
    total = jnp.sum(weight)
    return jnp.where(total == 0, 1, total)


def _is_none(weights: Any) -> Any:
    """Where weights of any dtype are 0."""
    return weights == jnp.zeros((), weights.dtype)


def _paired(x: Any, target: Any) -> tuple[Any, Any]:
    x = widened(x)
    return x, jnp.broadcast_to(target, x.shape).astype(x.dtype)

"""A price on large activations."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class ActivityPenalty(Op):
    """A number to add to a loss: `l1 * sum(abs(x)) + l2 * sum(x ** 2)` of each example, the mean over the batch.

    `l1` makes activations sparse, `l2` small: `loss = main + (hidden -> activity_penalty(l1 = 1e-4))`.

    Shapes: `[batch, ...]` to `[]`.
    Reference: Olshausen and Field, 1996, on sparse codes.
    """

    l1: float = 0.0
    l2: float = 0.0

    aliases = ("ActivityRegularization", "activity_regularizer")
    precision = "full"
    samples = (
        Sample("activity_penalty(l1 = 0.1)", ("[batch, 3]",), "[]"),
        Sample(
            "activity_penalty(1, 0.5)",
            ("[2, 2]",),
            "[]",
            given=([[1.0, -2.0], [3.0, 0.0]],),
            gives=6.5,
            source="by hand: (3 + 2.5 + 3 + 4.5) / 2",
        ),
        Refused("activity_penalty", ("[batch, 3]",), "neither"),
        Refused("activity_penalty(l2 = -1)", ("[batch, 3]",), "below zero"),
        Refused("activity_penalty(1)", ("[]",), "no axis of examples"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        if min(self.l1, self.l2) < 0:
            raise Mismatch(f"`l1 = {self.l1}` or `l2 = {self.l2}` is below zero", "a price is positive")
        if self.l1 == self.l2 == 0:
            raise Mismatch("neither `l1` nor `l2` is given", "activity_penalty(l1 = 1e-4)")
        if x.rank == 0:
            raise Mismatch("a scalar has no axis of examples", None, 0)
        return x.with_shape()

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        values = widened(x)
        total = jnp.zeros((), values.dtype)
        total = total + self.l1 * jnp.abs(values).sum() if self.l1 else total
        total = total + self.l2 * jnp.square(values).sum() if self.l2 else total
        return (total / x.shape[0]).astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        return Cost(2 * ((self.l1 > 0) + (self.l2 > 0)) * elements([x]) + 2, moved(x, self.infer(x)))

"""Draws of classes from logits."""

from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.types import Type


@op
class Categorical(Op):
    """Draws the number of a class along the last axis, each with the share that a softmax of the logits gives it.

    No gradient goes back through a draw.

    Shapes: `[..., classes]` to `i32[...]`.
    Reference: Gumbel, 1954 (the largest of logits with noise is such a draw).
    """

    random = True
    stops_gradient = True
    aliases = ("Multinomial",)
    samples = (
        Sample("categorical", ("[batch, seq, 5]",), "i32[batch, seq]"),
        Sample(
            "categorical",
            ("[2, 3]",),
            "i32[2]",
            given=([[0.0, 1e9, 0.0], [0.0, 0.0, 1e9]],),
            gives=[1, 2],
            source="by hand: the others have the share exp(-1e9)",
        ),
        Refused("categorical", ("[]",), "no axis"),
        Refused("categorical", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, logits: Type) -> Type:
        floating(logits)
        if logits.rank == 0:
            raise Mismatch("a scalar has no axis of classes", "give it one logit for each class", 0)
        return Type(logits.shape[:-1], "i32")

    def apply(self, weights: Any, logits: Any, *, ctx: Context) -> Any:
        key: Any = ctx.key
        return jax.random.categorical(key, logits).astype(jnp.int32)

    def cost(self, logits: Type) -> Cost:
        return Cost(2 * elements([logits]), moved(logits, self.infer(logits)))

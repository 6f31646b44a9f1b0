"""Coins that fall by given probabilities."""

from typing import Any

from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.noise._hash import bits
from dslc.types import Type


@op
class Bernoulli(Op):
    """Draws 1 with the probability that each element gives, and 0 else, in training and outside of it.

    No gradient goes back through a draw.

    Shapes: `[...]` of probabilities to `[...]` of zeros and ones.
    Reference: Hinton, 2002, Training products of experts by minimizing contrastive divergence.
    """

    random = True
    stops_gradient = True
    aliases = ("BernoulliSample",)
    samples = (
        Sample("bernoulli", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "bernoulli",
            ("[2]",),
            "[2]",
            given=([0.0, 1.0],),
            gives=[0.0, 1.0],
            source="by hand: nothing is left to chance",
        ),
        Refused("bernoulli", ("i32[batch]",), "needs floats"),
    )

    def infer(self, probability: Type) -> Type:
        floating(probability)
        return probability

    def apply(self, weights: Any, probability: Any, *, ctx: Context) -> Any:
        key: Any = ctx.key
        wanted = widened(probability)
        # 24 bits fit into a float exactly: the number is below 1, so that a probability of 1 never fails, and 0 never comes.
        drawn = (bits(key, probability.shape) >> 8).astype(wanted.dtype) * 2.0**-24
        return (drawn < wanted).astype(probability.dtype)

    def cost(self, probability: Type) -> Cost:
        return Cost(elements([probability]), moved(probability, probability))

"""A model as it was some time ago."""

from typing import Any

from dslc.ops.base import Mismatch, Refused, Sample
from dslc.ops.combinator._copy import Copy
from dslc.ops.combinator.base import combinator


@combinator
class Snapshot(Copy):
    """Applies a model with the weights that it had some time ago: a target network.

    The copy starts equal to the model, and becomes equal to it again after every `every`-th training step. Between these
    steps it stays as it is. No gradient goes into the copy.

    Shapes: those of the model.
    Reference: Mnih et al., 2015, Nature 518 (target network of deep Q-learning).
    """

    model: Any
    every: int = 1_000
    samples = (
        Sample("snapshot(critic, every = 500)", ("[batch, 2]",), "[batch, 3]"),
        Refused("snapshot(dense(3))", ("[batch, 2]",), "the name of a model"),
    )
    aliases = ("target_network",)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise Mismatch(f"`every = {self.every}` is below 1", "write `every = 1_000`")

    def pace(self) -> tuple[float, int]:
        return 0.0, self.every

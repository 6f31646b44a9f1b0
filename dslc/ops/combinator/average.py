"""A model whose weights are a running mean of those of another."""

from typing import Any

from dslc.ops.base import Mismatch, Refused, Sample
from dslc.ops.combinator._copy import Copy
from dslc.ops.combinator.base import combinator


@combinator
class Average(Copy):
    """Applies a model with the running mean of its weights: a teacher, or a slow target network.

    The copy starts equal to the model. After each training step that updates the model, every weight of the copy becomes
    `decay * itself + (1 - decay) * weight`, and so do its statistics. No gradient goes into the copy.

    Shapes: those of the model.
    Reference: Polyak and Juditsky, 1992; Tarvainen and Valpola, 2017, arXiv:1703.01780 (mean teacher).
    """

    model: Any
    decay: float = 0.99
    samples = (
        Sample("average(encoder, decay = 0.996)", ("[batch, 2]",), "[batch, 3]"),
        Refused("average(dense(3))", ("[batch, 2]",), "the name of a model"),
    )
    aliases = ("ema_model", "momentum_encoder", "AveragedModel")

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise Mismatch(f"`decay = {self.decay}` is not between 0 and 1", "write `decay = 0.99`")

    def pace(self) -> tuple[float, int]:
        return self.decay, 1

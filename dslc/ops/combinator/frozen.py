"""A body that is not trained."""

from dataclasses import replace
from typing import Any

from dslc.errors.placement import NeedsBody
from dslc.ops.base import Sample
from dslc.ops.combinator.base import Combinator, Surroundings, combinator


@combinator
class Frozen(Combinator):
    """Its body with weights and statistics that training does not change; gradients go through it to what comes before.

    Layers with statistics work as they do outside of training. Noise such as `dropout` is drawn all the same.

    Shapes: those of the body.
    Reference: Yosinski, Clune, Bengio and Lipson, 2014, arXiv:1411.1792 (transfer with frozen layers).
    """

    samples = (
        Sample("frozen { dense(3) -> relu }", ("[batch, 2]",), "[batch, 3]", parameters=9),
        Sample("frozen { batch_norm }", ("[batch, 2]",), "[batch, 2]", parameters=4),
    )
    aliases = ("freeze", "requires_grad", "no_grad")

    def expand(self, here: Surroundings) -> Any:
        if len(here.branches) != 1:
            raise here.fail(NeedsBody(here.span, "frozen", len(here.branches)))
        inside = Surroundings(replace(here.env, frozen=True), here.branches, here.span)
        return inside.run(here.branches[0], here.it)

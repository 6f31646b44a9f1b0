"""A body that is computed again for the backward pass."""

from dataclasses import replace
from typing import Any

from dslc.build.frame import Frame
from dslc.build.loops import enclose
from dslc.build.values import Bundle
from dslc.errors.placement import NeedsBody
from dslc.ops.base import Sample
from dslc.ops.combinator.base import Combinator, Surroundings, combinator


@combinator
class Remat(Combinator):
    """Its body, of which the backward pass keeps what goes in alone, and computes the rest again: memory for time.

    Shapes: those of the body.
    Reference: Chen, Xu, Zhang and Guestrin, 2016, arXiv:1604.06174.
    """

    samples = (
        Sample("remat { dense(3) -> relu -> dense(2) }", ("[batch, 2]",), "[batch, 2]", parameters=17),
        Sample("remat { batch_norm -> dropout(0.5) }", ("[batch, 2]",), "[batch, 2]", parameters=4),
    )
    aliases = ("checkpoint", "recompute")

    def expand(self, here: Surroundings) -> Any:
        if len(here.branches) != 1:
            raise here.fail(NeedsBody(here.span, "remat", len(here.branches)))
        outer = here.env
        frame = Frame(outer.place.join("remat"), outer.frame)
        place = replace(outer.place, frame=frame)
        inner = replace(outer, frame=frame, place=place, scope=type(outer.scope)(outer.scope))
        found = Surroundings(inner, here.branches, here.span).run(here.branches[0], here.it)
        bundle = found if isinstance(found, Bundle) else Bundle.of((found,))
        made = enclose(outer, frame, here.tensors(bundle, inner), here.span)
        return replace(bundle, items=tuple(made)) if isinstance(found, Bundle) else made[0]

"""What combinators have in common that make kernels anew before they are used."""

from dataclasses import replace
from typing import Any, ClassVar

from dslc.errors.placement import NeedsBody, NothingRemade
from dslc.ops.combinator.base import Combinator, Surroundings


class Remade(Combinator):
    """Its body, each kernel of which goes through an op of its own first."""

    by: ClassVar[str]
    """The op that makes the kernel."""

    def expand(self, here: Surroundings) -> Any:
        if len(here.branches) != 1:
            raise here.fail(NeedsBody(here.span, self.name, len(here.branches)))
        inside = Surroundings(replace(here.env, remade=self.by), here.branches, here.span)
        counts = here.env.build.remade
        before = counts.get(self.by, 0)
        made = inside.run(here.branches[0], here.it)
        if counts.get(self.by, 0) == before:
            raise here.fail(NothingRemade(here.span, self.name))
        return made

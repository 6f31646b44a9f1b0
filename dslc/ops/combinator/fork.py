"""One value into several branches."""

from typing import Any

from dslc.build.values import Bundle
from dslc.errors.settings import WrongSetting
from dslc.ops.base import Sample
from dslc.ops.combinator.base import Combinator, Surroundings, combinator


@combinator
class Fork(Combinator):
    """Applies each of its branches to its input and gives the results as a tuple; `fork(n)` applies one branch n times.

    Every copy has weights of its own.

    Shapes: `[...]` to a tuple of what the branches give.
    Reference: Szegedy et al., 2014, arXiv:1409.4842 (parallel branches joined by a concatenation).
    """

    n: int | None = None
    samples = (
        Sample("fork { dense(3); dense(5) }", ("[batch, 2]",), "[batch, 3], [batch, 5]", parameters=24),
        Sample("fork(2) { dense(3) }", ("[batch, 2]",), "[batch, 3], [batch, 3]", parameters=18),
    )
    aliases = ("parallel", "branch")

    def expand(self, here: Surroundings) -> Any:
        branches = here.branches
        if self.n is not None:
            if self.n < 1 or len(branches) != 1:
                problem = WrongSetting(
                    here.span, "fork", "n", "a count of at least 1 for its only branch", f"`{self.n}`"
                )
                raise here.fail(problem)
            here.env.spend(here.span, self.n)
            branches = branches * self.n
        found = tuple(here.run(branch, here.it, copy=self.n is not None) for branch in branches)
        return found[0] if len(found) == 1 else Bundle.of(found)

"""What copies of a model have in common: the model once more, with weights of its own that follow."""

from typing import Any, ClassVar

from dslc.build.values import Symbol
from dslc.errors.steps import CopyMisplaced
from dslc.ops.combinator.base import Combinator, Surroundings
from dslc.parse import tree


class Copy(Combinator):
    """Applies a model of a train or sample block with weights that no step changes."""

    model: Any
    bare: ClassVar[bool] = True

    def pace(self) -> tuple[float, int]:
        """How much of itself it keeps when it follows, and from one such training step to the next."""
        raise AssertionError(type(self).__name__)

    def expand(self, here: Surroundings) -> Any:
        build, model = here.env.build, self._name()
        if model not in build.program.models or build.applied is None or build.active:
            raise here.fail(CopyMisplaced(here.span, self.name))
        decay, pace = self.pace()
        return build.applied.copy(here.env, self.name, model, decay, pace, here.span)

    def _name(self) -> str:
        """The name that stands in parentheses; empty for anything else."""
        held = self.model
        bare = isinstance(held, Symbol) and not held.arguments
        return held.callee.text if bare and isinstance(held.callee, tree.Name) else ""

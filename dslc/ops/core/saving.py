"""An op together with the intermediate values that its backward rule reads."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dslc.ops.base import Context, Op, op
from dslc.ops.core._wrapper import Wrapper
from dslc.types import Type


@op
class Saving(Wrapper):
    """The outputs of an op, then what it saves for its backward rule, in the order of `saved`.

    Shapes: those of the op, and more outputs.
    """

    of: Op
    names: tuple[str, ...] = ()
    """What it saves: another way to compute it, chosen later, may save something else. Empty: what `saved` says."""

    def infer(self, *xs: Type | None) -> tuple[Type, ...]:
        found = self.of.infer(*xs)
        return (*(found if isinstance(found, tuple) else (found,)), *self.of.saved(*xs).values())

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        found, saved = self.of.apply_saving(weights, *xs, ctx=replace(ctx, kept=self.names or None))
        if isinstance(found, tuple) and isinstance(found[-1], Mapping):
            return (*_tuple(found[0]), *saved.values()), found[-1]
        return (*_tuple(found), *saved.values())


def _tuple(found: Any) -> tuple[Any, ...]:
    return found if isinstance(found, tuple) else (found,)

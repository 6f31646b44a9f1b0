"""A layer in a repeat, some of whose settings are another number in each iteration."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dslc.lazy import jnp
from dslc.ops._time import UNKNOWN, Axis, InTime, Passage
from dslc.ops.base import Context, Cost, Op, Weight, op
from dslc.ops.core._wrapper import Wrapper
from dslc.types import Type


@op
class Numbered(Wrapper):
    """An op whose settings `which` come in as scalars behind its inputs: a drop rate that grows with the depth.

    Shapes: those of the op, then a scalar for each setting.
    """

    of: Op
    which: tuple[str, ...] = ()

    def infer(self, *xs: Type | None) -> Any:
        return self.of.infer(*self._own(xs))

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        count = len(types) - len(self.which)
        found = self.of.in_time(time[:count], *types[:count])
        return UNKNOWN if isinstance(found, Passage) and found.memory is not None else found

    def weights(self, *xs: Type | None) -> Mapping[str, Weight]:
        return self.of.weights(*self._own(xs))

    def state(self, *xs: Type | None) -> Mapping[str, Weight]:
        return self.of.state(*self._own(xs))

    def cost(self, *xs: Type | None) -> Cost:
        return self.of.cost(*self._own(xs))

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        own = self._own(xs)
        like = next((x for x in own if x is not None and jnp.issubdtype(x.dtype, jnp.floating)), None)
        of: Any = self.of
        for setting, number in zip(self.which, xs[len(own) :], strict=True):
            is_float = jnp.issubdtype(number.dtype, jnp.floating)
            of = with_number(of, setting, number.astype(like.dtype) if is_float and like is not None else number)
        return of.apply(weights, *own, ctx=ctx)

    def _own(self, xs: tuple[Any, ...]) -> tuple[Any, ...]:
        return xs[: len(xs) - len(self.which)]


def with_number(op: Any, setting: str, number: Any) -> Any:
    """The op with a number in place of a setting, or of the entry `items.0` of one."""
    name, _, place = setting.partition(".")
    if place:
        items = list(getattr(op, name))
        items[int(place)] = number
        return replace(op, **{name: tuple(items)})
    return replace(op, **{name: number})

"""What ops have in common that do the work of another op."""

from collections.abc import Mapping
from typing import Any

from dslc.ops.base import Cost, Op, Precision, Weight
from dslc.types import Type


class Wrapper(Op):
    """An op that does the work of another one, `of`, in a way of its own."""

    of: Op

    @property
    def random(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # a fact of the op inside
        return self.of.random

    @property
    def precision(self) -> Precision:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.of.precision

    @property
    def exact(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.of.exact

    def infer(self, *xs: Type | None) -> Any:
        return self.of.infer(*xs)

    def weights(self, *xs: Type | None) -> Mapping[str, Weight]:
        return self.of.weights(*xs)

    def state(self, *xs: Type | None) -> Mapping[str, Weight]:
        return self.of.state(*xs)

    def cost(self, *xs: Type | None) -> Cost:
        return self.of.cost(*xs)


def unwrapped(op: Op) -> Op:
    """The op that the author wrote."""
    while isinstance(op, Wrapper):
        op = op.of
    return op

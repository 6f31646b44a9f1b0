"""What comparisons and logic have in common: the type rule and the cost."""

from dslc.ops.arithmetic._broadcast import common
from dslc.ops.base import Cost, Mismatch, Op, broadcast, elements, moved
from dslc.types import Type


class Comparison(Op):
    """A comparison of two tensors, element by element: no gradient goes through it."""

    elementwise = True

    def infer(self, a: Type, b: Type) -> Type:
        return common(a, b).with_dtype("bool")

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(elements([out]), moved(a, b, out))


class Logic(Op):
    """A connection of two tensors of truth values, element by element."""

    elementwise = True

    def infer(self, a: Type, b: Type) -> Type:
        only_bools(a, b)
        return Type(broadcast(a, b), "bool")

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(elements([out]), moved(a, b, out))


def only_bools(*types: Type) -> None:
    """Refuse what is not true or false.

    Raises:
        Mismatch: names the dtype and offers the comparison.
    """
    for position, type in enumerate(types):
        if type.dtype != "bool":
            raise Mismatch(f"needs bool, and gets {type.dtype}", "compare it first: `x > 0`", position)

"""What the comparisons have in common: the type rule and the cost."""

from dslc.ops.arithmetic._broadcast import common
from dslc.ops.base import Cost, Op, elements, moved
from dslc.types import Type


class Comparison(Op):
    """A comparison of two tensors, element by element: no gradient goes through it."""

    elementwise = True

    def infer(self, a: Type, b: Type) -> Type:
        return common(a, b).with_dtype("bool")

    def cost(self, a: Type, b: Type) -> Cost:
        out = self.infer(a, b)
        return Cost(elements([out]), moved(a, b, out))

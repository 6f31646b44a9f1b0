"""What the elementwise functions of one float tensor have in common: the type rule and the cost."""

from typing import ClassVar

from dslc.ops.base import Cost, Op, elements, floating, moved
from dslc.types import Type


class Pointwise(Op):
    """A function of a float that is applied to every element by itself."""

    elementwise = True
    flops: ClassVar[int] = 1
    """Operations for one element; a transcendental counts 1."""

    def infer(self, x: Type) -> Type:
        floating(x)
        return x

    def cost(self, x: Type) -> Cost:
        return Cost(self.flops * elements([x]), moved(x, x))

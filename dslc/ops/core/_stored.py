"""What parameters and states have in common: an array that is kept from one step to the next."""

from dslc.initializers.base import Initializer
from dslc.ops.base import Cost, Op
from dslc.types import Type


class Stored(Op):
    """An array by name, with one entry for every iteration of the repeats around it."""

    shape: tuple[int, ...]
    dtype: str
    init: Initializer | None
    stack: tuple[tuple[int, int], ...]

    def infer(self) -> Type:
        return Type((*(count for _, count in self.stack), *self.shape), self.dtype)

    def cost(self) -> Cost:
        return Cost()

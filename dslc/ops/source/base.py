"""What the sources have in common: they read nothing and write a tensor."""

from dslc.dims import Size, less
from dslc.ops.base import Cost, Mismatch, Op, moved
from dslc.types import Type


class Source(Op):
    """A tensor made from settings alone."""

    def cost(self) -> Cost:
        return Cost(0, moved(self.infer()))


def filled(shape: tuple[Size, ...], dtype: str = "f32") -> Type:
    """Type of a tensor of a given shape.

    Raises:
        Mismatch: when a size is below 1.
    """
    wrong = next((size for size in shape if less(size, 1)), None)
    if wrong is not None:
        raise Mismatch(f"sizes must be at least 1, and one is {wrong}")
    return Type(shape, dtype)

"""A tensor that comes from outside of the graph."""

from dslc.dims import Size
from dslc.ops.base import Cost, Op, op
from dslc.types import Type


@op
class Input(Op):
    """A tensor that comes from outside: a field of the data, or what is piped into a region.

    Shapes: nothing to `dtype[shape]`.
    """

    dtype: str = "f32"
    shape: tuple[Size, ...] = ()
    bounds: tuple[tuple[str, int], ...] = ()
    """Largest sizes of dimensions, by their name."""

    def infer(self) -> Type:
        return Type(self.shape, self.dtype)

    def cost(self) -> Cost:
        return Cost()

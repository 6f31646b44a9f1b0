"""A trained array."""

from dslc.initializers.base import Initializer
from dslc.ops.base import op
from dslc.ops.core._stored import Stored


@op
class Parameter(Stored):
    """A trained array, found by the name of its node; it starts as `init` draws it.

    Shapes: nothing to `dtype[counts of the stack, shape]`.
    """

    shape: tuple[int, ...] = ()
    dtype: str = "f32"
    init: Initializer | None = None
    fan_in: int = 1
    fan_out: int = 1
    stack: tuple[tuple[int, int], ...] = ()
    """Start and count of every repeat around it, outermost first: the array has one entry for each iteration."""
    trainable: bool = True
    """False: a body that is frozen made it."""

"""An array that is kept from step to step and not trained."""

from dslc.initializers.base import Initializer
from dslc.ops.base import op
from dslc.ops.core._stored import Stored


@op
class State(Stored):
    """An array that each step may replace and no gradient trains, such as a running mean.

    Shapes: nothing to `dtype[counts of the stack, shape]`.
    """

    shape: tuple[int, ...] = ()
    dtype: str = "f32"
    init: Initializer | None = None
    fan_in: int = 1
    fan_out: int = 1
    stack: tuple[tuple[int, int], ...] = ()
    """Start and count of every repeat around it, outermost first: the array has one entry for each iteration."""
    follows: str = ""
    """The parameter or state of which this is a copy that follows it; empty for a state of its own."""
    decay: float = 0.0
    """How much of itself a follower keeps when it follows: `decay * itself + (1 - decay) * followed`."""
    clock: bool = False
    """It is the share of the training run that is done: 0 in the first step, 1 after the last one."""
    pace: int = 1
    """A follower follows in every training step whose number divides by this."""

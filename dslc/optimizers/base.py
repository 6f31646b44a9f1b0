"""What an optimizer is: a rule that turns gradients into the change of the weights.

Every optimizer gives the numbers of PyTorch's of the same name, unless its docstring says otherwise.
"""

from typing import TYPE_CHECKING

from dslc.catalogue import Catalogue, Entry, entry
from dslc.lazy import optax
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


class Optimizer(Entry):
    """Settings of an update rule; `build` makes it for a run of known length."""

    def build(self, run: Length) -> "GradientTransformation":
        """The rule as Optax has it: the updates are added to the weights."""
        raise AssertionError(type(self).__name__)


def descend(lr: float | Schedule, run: Length) -> "GradientTransformation":
    """The last part of every rule: steps of the learning rate against the direction that is left."""
    if isinstance(lr, Schedule):
        return optax.scale_by_learning_rate(lambda step: lr.rate(step, run))  # pyright: ignore[reportArgumentType]
    return optax.scale_by_learning_rate(lr)


optimizer = entry

OPTIMIZERS: Catalogue[Optimizer] = Catalogue("dslc.optimizers", Optimizer, "optimizer")

"""Gradient descent with a step of its own for each weight, which only shrinks."""

from typing import TYPE_CHECKING

from dslc.lazy import optax
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


@optimizer
class Adagrad(Optimizer):
    """Divides the gradient by the root of the sum of all its squares so far.

    The sum starts at 0, as in PyTorch (Optax and Keras start at 0.1). PyTorch adds 1e-10 to the root; here a weight
    whose gradients were all 0 is left alone instead, so only gradients of about 1e-10 and below give other steps.
    Reference: Duchi, Hazan and Singer, 2011, Adaptive Subgradient Methods.
    """

    lr: float | Schedule = 1e-2

    @property
    def slots(self) -> int:
        return 1

    def build(self, run: Length, decay: Decay | None = None) -> "GradientTransformation":
        return optax.chain(optax.scale_by_rss(initial_accumulator_value=0.0, eps=0.0), descend(self.lr, run))

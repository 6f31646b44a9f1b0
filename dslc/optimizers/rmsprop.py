"""Gradient descent with a step of its own for each weight."""

from typing import TYPE_CHECKING

from dslc.lazy import optax
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer, shrinking
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation

EPS = 1e-8


@optimizer
class Rmsprop(Optimizer):
    """Divides the gradient by the root of a running mean of its square.

    The mean starts at 0 and 1e-8 is added to its root, as in PyTorch (Optax adds it below the root); `rho` is 0.9 as
    in Keras, where PyTorch has 0.99. `decay` is coupled, as in `sgd`; the momentum is that of the divided gradient.
    Reference: Tieleman and Hinton, 2012, Lecture 6.5 of Neural Networks for Machine Learning.
    """

    lr: float | Schedule = 1e-3
    rho: float = 0.9
    momentum: float = 0.0
    decay: float = 0.0

    @property
    def slots(self) -> int:
        return 1 + bool(self.momentum)

    def build(self, run: Length, decay: Decay | None = None) -> "GradientTransformation":
        shrink = self.decay if decay is None else decay
        decayed = [shrinking(shrink)] if shrink else []
        velocity = [optax.trace(self.momentum)] if self.momentum else []
        scaled = optax.scale_by_rms(self.rho, EPS, eps_in_sqrt=False)
        return optax.chain(*decayed, scaled, *velocity, descend(self.lr, run))

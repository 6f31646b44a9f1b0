"""Adam for models that need weight decay."""

from typing import TYPE_CHECKING

from dslc.lazy import optax
from dslc.optimizers._moments import adam_direction
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer, shrinking
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


@optimizer
class Adamw(Optimizer):
    """Adam, and besides every weight shrinks by `lr * decay` of itself at each step.

    `decay` is decoupled from the gradient and acts on all weights, biases and scales included, as in PyTorch.
    Reference: Loshchilov and Hutter, 2019, Decoupled Weight Decay Regularization, arXiv:1711.05101.
    """

    lr: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    decay: float = 1e-2

    @property
    def slots(self) -> int:
        return 2

    def build(self, run: Length, decay: Decay | None = None) -> "GradientTransformation":
        scaled = adam_direction(self.beta1, self.beta2, self.eps)
        return optax.chain(scaled, shrinking(self.decay if decay is None else decay), descend(self.lr, run))

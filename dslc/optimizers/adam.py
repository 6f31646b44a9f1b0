"""The usual first choice."""

from typing import TYPE_CHECKING

from dslc.lazy import optax
from dslc.optimizers._moments import adam_direction
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


@optimizer
class Adam(Optimizer):
    """Steps along a running mean of the gradient, divided by the root of a running mean of its square.

    Reference: Kingma and Ba, 2015, arXiv:1412.6980.
    """

    lr: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    @property
    def slots(self) -> int:
        return 2

    def build(self, run: Length, decay: Decay | None = None) -> "GradientTransformation":
        return optax.chain(adam_direction(self.beta1, self.beta2, self.eps), descend(self.lr, run))

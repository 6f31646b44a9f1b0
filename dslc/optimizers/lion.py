"""Steps of one size, by signs."""

from typing import TYPE_CHECKING

from dslc.lazy import optax
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer, shrinking
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


@optimizer
class Lion(Optimizer):
    """Steps by the sign of a running mean of the gradient, the same size for every weight: a tenth of Adam's rate suits it.

    `decay` is decoupled, as in `adamw`. The numbers are those of Optax.
    Reference: Chen et al., 2023, Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675.
    """

    lr: float | Schedule = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    decay: float = 1e-3

    @property
    def slots(self) -> int:
        return 1

    def build(self, run: Length, decay: Decay | None = None) -> "GradientTransformation":
        signs = optax.scale_by_lion(self.beta1, self.beta2)
        return optax.chain(signs, shrinking(self.decay if decay is None else decay), descend(self.lr, run))

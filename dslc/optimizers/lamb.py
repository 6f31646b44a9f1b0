"""Adam for very large batches."""

from typing import TYPE_CHECKING, Any

from dslc.lazy import jnp, optax
from dslc.optimizers._moments import adam_direction
from dslc.optimizers._whole import Stacked, by_weight, norm, times
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer, shrinking
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


@optimizer
class Lamb(Optimizer):
    """The direction of Adam, as long as the weight itself: each layer changes by the same share of its norm.

    `decay` is decoupled and part of what is scaled. The numbers are those of Optax; a norm of 0 leaves Adam's length.
    Reference: You et al., 2019, Large Batch Optimization for Deep Learning, arXiv:1904.00962.
    """

    lr: float | Schedule = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-6
    decay: float = 0.0

    whole = True

    @property
    def slots(self) -> int:
        return 2

    def build(
        self, run: Length, decay: Decay | None = None, stacked: Stacked | None = None
    ) -> "GradientTransformation":
        adam = adam_direction(self.beta1, self.beta2, self.eps)
        shrink = shrinking(self.decay if decay is None else decay)
        return optax.chain(adam, shrink, by_weight(_as_long, stacked or {}), descend(self.lr, run))


def _as_long(update: Any, weight: Any, stacked: int) -> Any:
    wanted, found = norm(weight, stacked), norm(update, stacked)
    there = (wanted > 0) & (found > 0)
    return times(update, jnp.where(there, wanted / jnp.where(there, found, 1), 1))

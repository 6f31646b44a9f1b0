"""Plain gradient descent."""

from typing import TYPE_CHECKING

from dslc.lazy import optax
from dslc.ops.base import Mismatch
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer, shrinking
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


@optimizer
class Sgd(Optimizer):
    """Steps against the gradient, with momentum if asked for (`nesterov`: looking ahead).

    `decay` is coupled: `decay * weight` is added to the gradient of every weight before the momentum.
    Reference: Robbins and Monro, 1951; Polyak, 1964; Sutskever et al., 2013, On the importance of initialization.
    """

    lr: float | Schedule
    momentum: float = 0.0
    nesterov: bool = False
    decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and not self.momentum:
            raise Mismatch("`nesterov` needs a `momentum` above 0", "write `momentum = 0.9, nesterov = true`")

    @property
    def slots(self) -> int:
        return int(bool(self.momentum))

    def build(self, run: Length, decay: Decay | None = None) -> "GradientTransformation":
        shrink = self.decay if decay is None else decay
        decayed = [shrinking(shrink)] if shrink else []
        velocity = [optax.trace(self.momentum, self.nesterov)] if self.momentum else []
        return optax.chain(*decayed, *velocity, descend(self.lr, run))

"""What an optimizer is: a rule that turns gradients into the change of the weights.

Every optimizer gives the numbers of PyTorch's of the same name, unless its docstring says otherwise.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from dslc.catalogue import Catalogue, Entry, entry
from dslc.lazy import jnp, optax
from dslc.ops.base import Mismatch
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


Decay = Mapping[str, Any]
"""Weight decay by name of the weight: numbers, or arrays that broadcast to it."""


SHARES, SIZES = ("beta1", "beta2", "momentum", "rho"), ("lr", "eps")
"""Settings: shares of a running mean that stay in a step, and numbers that are not negative."""


class Optimizer(Entry):
    """Settings of an update rule; `build` makes it for a run of known length.

    An optimizer with weight decay has it in the setting `decay`, which groups of weights may set otherwise.
    """

    whole: ClassVar[bool] = False
    """Looks at a weight as a whole: none is laid end to end with others, and `build` takes `stacked` as well, how many
    first axes of a weight, by its name, are those of layers, each of which is a weight by itself."""

    def __post_init__(self) -> None:
        for name in SHARES:
            share = getattr(self, name, 0.0)
            if not 0 <= share < 1:
                raise Mismatch(f"`{name} = {share:g}` must be at least 0 and below 1", "leave it out for the usual one")
        for name in SIZES:
            size = getattr(self, name, 0.0)
            if isinstance(size, int | float) and not size >= 0:
                raise Mismatch(f"`{name} = {size:g}` must not be negative", "a step goes against the gradient")

    @property
    def slots(self) -> int:
        """Arrays of the size of a weight that it keeps for each weight."""
        raise AssertionError(type(self).__name__)

    def build(self, run: Length, decay: Decay | None = None) -> "GradientTransformation":
        """The rule as Optax has it: the updates are added to the weights. `decay` stands in for the setting."""
        raise AssertionError(type(self).__name__)


def shrinking(decay: float | Decay) -> "GradientTransformation":
    """The part of a rule that adds to each gradient, or to what has become of it, `decay` times its weight."""
    if not isinstance(decay, Mapping):
        return optax.add_decayed_weights(decay)
    known = decay

    def update(updates: Any, weights: Any) -> Any:
        return {name: slope + _spread(known[name], slope) * weights[name] for name, slope in updates.items()}

    return optax.stateless(update)


def _spread(factor: Any, like: Any) -> Any:
    return jnp.broadcast_to(jnp.asarray(factor, like.dtype), like.shape)


def descend(lr: float | Schedule, run: Length) -> "GradientTransformation":
    """The last part of every rule: steps of the learning rate against the direction that is left."""
    if isinstance(lr, Schedule):
        # A rule counts its updates; a schedule goes by training steps.
        return optax.scale_by_learning_rate(lambda count: lr.rate(run.step(count), run))  # pyright: ignore[reportArgumentType]
    return optax.scale_by_learning_rate(lr)


optimizer = entry

OPTIMIZERS: Catalogue[Optimizer] = Catalogue("dslc.optimizers", Optimizer, "optimizer")

"""Steps that are orthogonal matrices."""

from typing import TYPE_CHECKING, Any, NamedTuple

from dslc.lazy import optax
from dslc.optimizers._moments import adam_direction
from dslc.optimizers._whole import Stacked, by_weight, orthogonal
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer, shrinking
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation


@optimizer
class Muon(Optimizer):
    """Steps along the orthogonal matrix that is nearest to the gradient's running sum: all its directions count alike.

    A kernel is a matrix of all its axes but the last by the last. The step has the root mean square of Adam's, 0.2, so
    that one rate fits both: what is no matrix, and tables of embeddings, are trained by Adam. `decay` is decoupled. For
    matrices the numbers are those of PyTorch with `adjust_lr_fn = "match_rms_adamw"`, in the precision of the weights.
    Reference: Jordan et al., 2024; Liu et al., 2025, Muon is Scalable for LLM Training, arXiv:2502.16982.
    """

    lr: float | Schedule = 1e-3
    momentum: float = 0.95
    nesterov: bool = True
    decay: float = 0.1

    whole = True

    @property
    def slots(self) -> int:
        return 1

    def build(
        self, run: Length, decay: Decay | None = None, stacked: Stacked | None = None
    ) -> "GradientTransformation":
        known = stacked or {}
        matrices = optax.chain(optax.trace(self.momentum, self.nesterov), by_weight(_orthogonal, known))
        each = _apart(matrices, adam_direction(0.9, 0.999, 1e-8), known)
        return optax.chain(each, shrinking(self.decay if decay is None else decay), descend(self.lr, run))


class Kept(NamedTuple):
    """What the rule of the matrices keeps, and that of the others."""

    matrices: Any
    others: Any


def _apart(matrices: Any, others: Any, stacked: Stacked) -> "GradientTransformation":
    """One rule for the matrices, another one for the rest."""

    def parts(arrays: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        names = {name for name, array in arrays.items() if _is_matrix(name, array, stacked)}
        return {name: arrays[name] for name in names}, {name: arrays[name] for name in arrays.keys() - names}

    def init(weights: Any) -> Kept:
        own, rest = parts(weights)
        return Kept(matrices.init(own), others.init(rest))

    def update(gradients: Any, kept: Kept, weights: Any = None) -> tuple[Any, Kept]:
        (own, rest), (own_weights, rest_weights) = parts(gradients), parts(weights)
        changed, first = matrices.update(own, kept.matrices, own_weights)
        other, second = others.update(rest, kept.others, rest_weights)
        return {**changed, **other}, Kept(first, second)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]  # names of arguments


def _is_matrix(name: str, weight: Any, stacked: Stacked) -> bool:
    return weight.ndim - stacked.get(name, 0) > 1 and name.rsplit(".", maxsplit=1)[-1] != "table"


def _orthogonal(update: Any, weight: Any, stacked: int) -> Any:
    matrix = update.reshape(*update.shape[:stacked], -1, update.shape[-1])
    return 0.2 * max(matrix.shape[-2:]) ** 0.5 * orthogonal(matrix).reshape(update.shape)

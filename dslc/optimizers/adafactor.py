"""Adam's division in a fraction of its memory."""

from typing import TYPE_CHECKING, Any, NamedTuple

from dslc.lazy import jnp, optax
from dslc.optimizers._whole import Stacked, by_weight, rms, times
from dslc.optimizers.base import Decay, Optimizer, descend, optimizer, shrinking
from dslc.schedules.base import Length, Schedule

if TYPE_CHECKING:
    from optax import GradientTransformation

SMALLEST = 1e-3
"""Root mean square that a weight counts with at least."""


class Means(NamedTuple):
    """Steps so far, and running means of squared gradients: of rows and of columns, or of each number of a vector."""

    count: Any
    rows: Any
    columns: Any


@optimizer
class Adafactor(Optimizer):
    """Divides the gradient by the root of a mean of its square that is kept for rows and columns only, not for each weight.

    The mean over time forgets by `step ** -0.8`; an update is as large as the weight's root mean square (1e-3 at least)
    times `lr`, and none is longer than that of a division by the gradient itself. `decay` is decoupled. The numbers are
    those of PyTorch as long as `lr` is below `1 / sqrt(step)`, to which PyTorch cuts it.
    Reference: Shazeer and Stern, 2018, arXiv:1804.04235.
    """

    lr: float | Schedule = 1e-2
    decay: float = 0.0

    whole = True

    @property
    def slots(self) -> int:
        # A row and a column for a matrix; vectors, which are kept whole, hardly count.
        return 0

    def build(
        self, run: Length, decay: Decay | None = None, stacked: Stacked | None = None
    ) -> "GradientTransformation":
        known = stacked or {}
        parts = (_divided(known), by_weight(_as_large, known), shrinking(self.decay if decay is None else decay))
        return optax.chain(*parts, descend(self.lr, run))


def _divided(stacked: Stacked) -> "GradientTransformation":
    def init(weights: Any) -> Means:
        rows = {name: jnp.zeros_like(_rows(weight, stacked.get(name, 0))) for name, weight in weights.items()}
        columns = {name: jnp.zeros_like(_columns(weight, stacked.get(name, 0))) for name, weight in weights.items()}
        return Means(jnp.zeros((), jnp.int32), rows, columns)

    def update(gradients: Any, means: Means, _weights: Any = None) -> tuple[Any, Means]:
        count = means.count + 1
        fresh = jnp.power(count.astype(float), -0.8)
        rows, columns, updates = {}, {}, {}
        for name, gradient in gradients.items():
            lead, share = stacked.get(name, 0), fresh.astype(gradient.dtype)
            square = gradient * gradient
            rows[name] = means.rows[name] + share * (_rows(square, lead) - means.rows[name])
            columns[name] = means.columns[name] + share * (_columns(square, lead) - means.columns[name])
            updates[name] = gradient / jnp.sqrt(_square(rows[name], columns[name], gradient, lead))
        return updates, Means(count, rows, columns)

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]  # names of arguments


def _is_matrix(array: Any, stacked: int) -> bool:
    return array.ndim - stacked > 1


def _rows(array: Any, stacked: int) -> Any:
    """Means over the last axis; a vector as it is."""
    return jnp.mean(array, axis=-1, keepdims=True) if _is_matrix(array, stacked) else array


def _columns(array: Any, stacked: int) -> Any:
    """Means over the axis before the last; of a vector nothing."""
    return jnp.mean(array, axis=-2, keepdims=True) if _is_matrix(array, stacked) else jnp.zeros((), array.dtype)


def _square(rows: Any, columns: Any, like: Any, stacked: int) -> Any:
    """The mean square of each number, from those of its row and its column."""
    least = float(jnp.finfo(like.dtype).eps)
    if not _is_matrix(like, stacked):
        return jnp.maximum(rows, least**2)
    mean = jnp.maximum(jnp.mean(rows, axis=-2, keepdims=True), least)
    product = jnp.broadcast_to(rows / jnp.broadcast_to(mean, rows.shape), like.shape)
    return jnp.maximum(product * jnp.broadcast_to(columns, like.shape), least**2)


def _as_large(update: Any, weight: Any, stacked: int) -> Any:
    return times(update, jnp.maximum(rms(weight, stacked), SMALLEST) / jnp.maximum(rms(update, stacked), 1))

"""What metrics share that rank all rows of a split by their scores, of which no sums would be enough."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dslc.lazy import jax, jnp, np
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, elements, moved
from dslc.ops.metric._rows import rows, weighed
from dslc.ops.metric.base import Metric
from dslc.types import Type

if TYPE_CHECKING:
    from numpy.typing import NDArray

Curve = Callable[["NDArray[np.float64]", "NDArray[np.float64]"], float]


class Ranked(Metric):
    """The mean over classes (each against the others), or over questions, of a number that ranks of rows decide.

    For class numbers a row has the probability of every class, its class and its weight; for questions each of them has
    score, answer and weight.

    Shapes: `[..., classes]` and `[...]` to rows `[n, classes + 2]`; `[..., c]` and a target of that shape to `[n, 3, c]`.
    """

    gathers = True

    def area(self, right: "NDArray[Any]", wrong: "NDArray[Any]") -> float:
        """The number, from the weight of rows that are right and wrong above each threshold."""
        raise AssertionError(type(self).__name__)

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        kind, binary = rows(x, target, weight)
        if not binary:
            return Type((kind.size, x.shape[-1] + 2), wide(x.dtype))
        columns = x.shape[-1] if x.rank > 1 else 1
        return Type((Type(x.shape[:-1] if x.rank > 1 else x.shape).size, 3, columns), wide(x.dtype))

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        if target.ndim == x.ndim - 1 and jnp.issubdtype(target.dtype, jnp.integer):
            shares = jax.nn.softmax(widened(x), axis=-1).reshape(-1, x.shape[-1])
            known = (target.astype(shares.dtype), weighed(weight, target.shape, x))
            if weight is not None:
                # What weighs nothing need be no number.
                shares = jnp.where(known[1].reshape(-1, 1) == 0, 0, shares)
            return jnp.concatenate([shares, *(part.reshape(-1, 1) for part in known)], axis=1)
        columns = x.shape[-1] if x.ndim > 1 else 1
        yes = jnp.broadcast_to(target > 0.5 if jnp.issubdtype(target.dtype, jnp.floating) else target, x.shape)
        weighing = weighed(weight, x.shape, x)
        scores = widened(x) if weight is None else jnp.where(weighing == 0, 0, widened(x))
        parts = (scores, yes.astype(bool).astype(scores.dtype), weighing)
        return jnp.stack([part.reshape(-1, columns) for part in parts], axis=1)

    def result(self, sums: "NDArray[Any]") -> float:
        if np.isnan(sums).any():
            return float("nan")
        if sums.ndim == 2:
            shares, label, weight = sums[:, :-2], sums[:, -2], sums[:, -1]
            cases = [(shares[:, place], label == place, weight) for place in range(shares.shape[1])]
        else:
            cases = [(*sums[:, :2, place].T, sums[:, 2, place]) for place in range(sums.shape[2])]
        found = [self.area(*_above(score, yes > 0, weight)) for score, yes, weight in cases]
        known = [area for area in found if not np.isnan(area)]
        return float(np.mean(known)) if known else float("nan")

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        _, binary = rows(x, target, weight)
        # A softmax of every row: maximum, subtraction, exponential, sum and division.
        each = (1 + (target.dtype != "bool") if binary else 5) + 2 * (weight is not None)
        return Cost(each * elements([x]), moved(x, target, weight, out))


def _above(score: Any, yes: Any, weight: Any) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """Weight of the yes and of the no at or above each distinct score, from the largest down."""
    order = np.argsort(-score, kind="stable")
    score, yes, weight = score[order], yes[order], weight[order]
    # Rows of one score come at once: their order among each other decides nothing.
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    return np.cumsum(weight * yes)[last], np.cumsum(weight * ~yes)[last]

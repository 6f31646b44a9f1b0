"""What metrics share that follow from three counts of every class: right guesses, guesses, and how often it was right."""

from typing import TYPE_CHECKING, Any, Literal

from dslc.dims import Size
from dslc.lazy import jnp, np
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, moved
from dslc.ops.metric._rows import answers, answers_flops, rows, weighed
from dslc.ops.metric.base import Metric
from dslc.types import Type

if TYPE_CHECKING:
    from numpy.typing import NDArray

Average = Literal["macro", "micro", "none"] | None


class Rates(Metric):
    """A share of the counts of each class, and what becomes of the shares; yes-or-no questions have that of the yes."""

    average: Average

    def rate(self, hits: "NDArray[Any]", guessed: "NDArray[Any]", actual: "NDArray[Any]") -> "NDArray[np.float64]":
        """The share of each class."""
        raise AssertionError(type(self).__name__)

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        return Type((3, self._classes(x, target, weight)), wide(x.dtype))

    def _classes(self, x: Type, target: Type, weight: Type | None) -> Size:
        _, binary = rows(x, target, weight)
        return 1 if binary else x.shape[-1]

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        right, guess = answers(x, target)
        return counts(right, guess, weighed(weight, right.shape, x), 1 if right.shape == x.shape else x.shape[-1])

    def result(self, sums: "NDArray[Any]") -> Any:
        if self.average == "micro":
            sums = sums.sum(axis=1, keepdims=True)
        rates = self.rate(*sums)
        if rates.size == 1:
            return float(rates[0])
        if self.average in ("none", None):
            return rates
        known = rates[~np.isnan(rates)]
        return float(known.mean()) if known.size else float("nan")

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        flops, count = answers_flops(x, target, weight)
        out = self.infer(x, target, weight)
        binary = out.shape[-1] == 1
        return Cost(flops + (6 if binary else 16) * count, moved(x, target, weight, out))


def counts(right: Any, guess: Any, weight: Any, classes: int) -> Any:
    """Right guesses, guesses and right answers of each class; of one class those of the yes.

    Shapes: `[...]`, `[...]` and `[...]` to `[3, classes]`.
    """
    if classes == 1:
        yes, told = right.astype(weight.dtype), guess.astype(weight.dtype)
        return jnp.stack([jnp.sum(weight * part) for part in (yes * told, told, yes)])[:, None]
    right, guess, weight = right.ravel(), guess.ravel(), weight.ravel()
    none = jnp.zeros(classes, widened(weight).dtype)
    hits = jnp.where(right == guess, weight, 0)
    return jnp.stack([none.at[right].add(hits), none.at[guess].add(weight), none.at[right].add(weight)])


def share(part: "NDArray[Any]", whole: "NDArray[Any]", empty: float = 0.0) -> "NDArray[np.float64]":
    """A part of a whole, and `empty` where there is nothing."""
    there = whole > 0
    return np.where(there, part / np.where(there, whole, 1), empty)

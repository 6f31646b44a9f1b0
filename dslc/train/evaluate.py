"""Loss, scalars and metrics over a whole part, in one compiled call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dslc.lazy import jax, jnp, lax, np
from dslc.lower import lower
from dslc.source import Source
from dslc.train.generator import fold
from dslc.train.program import INDEX
from dslc.train.task import Part, Task
from dslc.train.told import with_total

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRIC = "metric "


@dataclass(frozen=True)
class Evaluation:
    """Measures a model on a part: whole batches in a loop, then the incomplete last one at its own shape."""

    task: Task
    part: Part
    source: Source | None = None

    @property
    def whole(self) -> int:
        """Number of whole batches."""
        return self.part.rows // self.task.plan.rows

    @property
    def rest(self) -> int:
        """Rows of the incomplete last batch."""
        return self.part.rows % self.task.plan.rows

    def run(self, weights: Any, state: Any, data: Any, key: Any) -> Any:
        """Sums over the part: means of a batch weighted by its rows, and the sums of metrics.

        Each sum comes with what rounding left out of it, so that counts above 2 ** 24 stay exact in float32; the rows of
        metrics that gather come last.
        """
        batch = self._measure(self.task.plan.rows, weights, state, data, key)
        rest = self._measure(self.rest, weights, state, data, key)
        sums, rows = self._nothing(jax.eval_shape(batch if self.whole else rest, 0))

        def step(number: Any, before: Any) -> Any:
            added, kept = self._apart(batch(number))
            return _added(before[0], added), {name: _put(before[1][name], part, number) for name, part in kept.items()}

        if self.whole:
            sums, rows = lax.fori_loop(0, self.whole, step, (sums, rows))
        if self.rest:
            added, kept = self._apart(rest(self.whole))
            sums = _added(sums, added)
            rows = {name: jnp.concatenate([rows[name], part]) for name, part in kept.items()}
        return *sums, rows

    def _apart(self, found: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is added, and what is put after what was there."""
        gather = {METRIC + name for name, metric in self.task.plan.metrics.items() if metric.gathers}
        kept = {name: array for name, array in found.items() if name in gather}
        return {name: array for name, array in found.items() if name not in gather}, kept

    def _nothing(self, like: Mapping[str, Any]) -> Any:
        """Sums of nothing, and room for the rows of the whole batches."""
        added, kept = self._apart(like)
        zeros = {name: jnp.zeros(each.shape, each.dtype) for name, each in added.items()}
        room = {name: (self.whole * each.shape[0], *each.shape[1:]) for name, each in kept.items()}
        return (zeros, zeros), {name: jnp.zeros(room[name], each.dtype) for name, each in kept.items()}

    def values(self, sums: Any) -> dict[str, Any]:
        """What the sums say: floats, and arrays for metrics that are tables."""
        totals = {name: _float64(sums[0][name]) + _float64(sums[1][name]) for name in sums[0]}
        totals |= {name: _float64(rows) for name, rows in sums[2].items()}
        found: dict[str, Any] = {name: float(totals[name]) / self.part.rows for name in self.task.scalars}
        found = with_total(self.task.plan, found)
        for name, metric in self.task.plan.metrics.items():
            value = metric.result(totals[METRIC + name])
            found[name] = float(value) if np.ndim(value) == 0 else np.asarray(value)
        return found

    def _measure(self, rows: int, weights: Any, state: Any, data: Any, key: Any) -> Any:
        """A function from the number of a batch to what it adds."""
        program = lower(self.task.measured(self.part, rows), self.source) if rows else None

        def measure(number: Any) -> dict[str, Any]:
            assert program is not None
            places = number * self.task.plan.rows + lax.iota(INDEX, rows)
            fields = self.part.table.gather(data, places)
            outputs, _ = program(weights, state, fields, key=fold(key, number))
            means = {name: outputs[name].astype(jnp.float32) * float(rows) for name in self.task.scalars}
            return means | {name: array for name, array in outputs.items() if name.startswith(METRIC)}

        return measure


def _put(rows: Any, part: Any, number: Any) -> Any:
    """The rows of a batch in their place among those of all."""
    return lax.dynamic_update_slice_in_dim(rows, part, number * part.shape[0], axis=0)


def _added(sums: Any, more: Mapping[str, Any]) -> Any:
    """Two-number sums (Knuth, 1969): the second number is what the first one lost to rounding."""
    totals, lost = dict(sums[0]), dict(sums[1])
    for name, value in more.items():
        before = totals[name]
        total = before + value
        part = total - before
        lost[name] = lost[name] + ((before - (total - part)) + (value - part))
        totals[name] = total
    return totals, lost


def _float64(array: Any) -> "NDArray[np.float64]":
    return np.asarray(array, np.float64)

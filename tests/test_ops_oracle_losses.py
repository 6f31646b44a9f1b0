"""What losses and metrics give where there is nothing to measure."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from peers import RNG, drawn
from samples import op_of
from sklearn import metrics

from dslc.ops.base import OPS, Context

pytestmark = pytest.mark.usefixtures("float64")

SCORES = 3 * drawn(4, 5, 6)


def test_a_class_number_outside_of_the_classes_is_not_hidden() -> None:
    op = op_of("cross_entropy")
    for label in (-1, 6):
        found = op.apply({}, jnp.asarray(SCORES[0]), jnp.full(5, label, jnp.int32), ctx=Context())
        assert np.isnan(found)


# Metrics.


def measured(name: str, *batches: tuple[np.ndarray[Any, Any] | None, ...]) -> Any:
    """The value of a metric over batches, as training adds them up."""
    metric = OPS[name]()
    sums = [
        metric.apply({}, *(None if array is None else jnp.asarray(array) for array in batch), ctx=Context())
        for batch in batches
    ]
    return metric.result(np.sum([np.asarray(each, np.float64) for each in sums], axis=0))  # type: ignore[attr-defined]


ROWS = 40
GUESS, CLASS, WEIGHT = drawn(ROWS, 4), RNG.integers(0, 4, ROWS).astype(np.int32), RNG.random(ROWS)


def test_metrics_of_nothing_are_not_numbers() -> None:
    nothing = np.zeros(ROWS)
    for name, arrays in {"accuracy": (GUESS, CLASS), "perplexity": (GUESS, CLASS), "r2": (WEIGHT, WEIGHT)}.items():
        assert np.isnan(measured(name, (*arrays, nothing)))


def test_r2_of_a_constant_target_is_one_only_when_it_is_met() -> None:
    constant = np.full(ROWS, 3.0)
    assert measured("r2", (constant, constant)) == metrics.r2_score(constant, constant) == 1.0
    assert measured("r2", (WEIGHT, constant)) == metrics.r2_score(constant, WEIGHT) == 0.0

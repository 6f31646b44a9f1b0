"""Edges of metrics: ties, classes that are nowhere, scores that are no numbers; in 64 bits and by batches."""

import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from peers import BOUND, RNG, drawn
from samples import op_of
from sklearn import metrics

from dslc.ops.base import Context

pytestmark = pytest.mark.usefixtures("float64")

ROWS = 40
GUESS, CLASS, WEIGHT = drawn(ROWS, 4), RNG.integers(0, 4, ROWS).astype(np.int32), RNG.random(ROWS)
# Ties are frequent among so few scores.
TIED = np.round(GUESS[:, :3])
YES = RNG.random((ROWS, 3)) < 0.4


def measured(text: str, *arrays: np.ndarray[Any, Any]) -> Any:
    """The value of a metric over two batches of different size, put together as training does."""
    metric: Any = op_of(text)
    batches = [tuple(array[:13] for array in arrays), tuple(array[13:] for array in arrays)]
    found = [metric.apply({}, *map(jnp.asarray, batch), ctx=Context()) for batch in batches]
    parts = [np.asarray(each, np.float64) for each in found]
    return metric.result(np.concatenate(parts) if metric.gathers else np.sum(parts, axis=0))


RATES = {
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "f1": metrics.f1_score,
    "iou": metrics.jaccard_score,
}


def test_a_class_that_is_nowhere_counts_as_scikit_learn_has_it_and_not_at_all_in_iou() -> None:
    label, scores = np.minimum(CLASS, 2), GUESS - 99 * (np.arange(4) == 3)
    told = scores.argmax(-1)
    for name, score in RATES.items():
        wanted = score(label, told, average="macro", labels=range(3 if name == "iou" else 4), zero_division=0)
        assert measured(name, scores, label) == pytest.approx(wanted, rel=BOUND)


def test_top_accuracy_of_one_is_accuracy_with_ties_too() -> None:
    tied = np.round(GUESS)
    tied[3] = np.nan
    assert measured("top_accuracy(1)", tied[4:], CLASS[4:]) == measured("accuracy", tied[4:], CLASS[4:])
    assert measured("top_accuracy(3)", np.full((20, 4), np.nan), CLASS[:20]) == 0


AREAS = {"auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}


def test_areas_of_one_answer_are_not_numbers() -> None:
    assert np.isnan(measured("auc", TIED[:, 0], np.ones(ROWS, bool)))
    assert np.isnan(measured("average_precision", TIED[:, 0], np.zeros(ROWS, bool)))
    assert np.isnan(measured("auc", np.full(ROWS, np.nan), YES[:, 0]))


def test_a_score_that_is_not_a_number_leaves_no_question_out_of_the_mean() -> None:
    scores = np.where(np.arange(YES.shape[1]) == 1, np.nan, TIED)
    for name in AREAS:
        assert np.isnan(measured(name, scores, YES))


def test_a_negative_label_is_no_class_and_not_the_last_one() -> None:
    known = np.arange(ROWS) % 3 > 0
    for name in ("recall", "mcc"):
        wanted = measured(name, GUESS[known], CLASS[known])
        found = measured(name, GUESS, np.where(known, CLASS, -1), known)
        assert found == pytest.approx(wanted, rel=BOUND)
    found = measured('recall("none")', GUESS, np.where(known, CLASS, -1))
    np.testing.assert_allclose(found, measured('recall("none")', GUESS[known], CLASS[known]), rtol=BOUND)


def test_bleu_reads_the_largest_logit() -> None:
    target = RNG.integers(0, 3, (ROWS, 6)).astype(np.int32)
    logits = np.eye(3)[target] + 0.4 * RNG.random((ROWS, 6, 3))
    assert measured("bleu", logits, target) == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert measured("bleu", logits, (target + 1) % 7 + 3) == 0.0

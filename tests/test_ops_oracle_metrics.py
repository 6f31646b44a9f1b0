"""Metrics of counts, of ranks and of phrases, against scikit-learn or counted another way, in 64 bits and by batches."""

import warnings
from collections import Counter
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


@pytest.mark.parametrize("name", RATES)
def test_rates_of_classes_agree_with_scikit_learn(name: str) -> None:
    told = GUESS.argmax(-1)
    for average in ("macro", "micro", "none"):
        wanted = RATES[name](CLASS, told, average=None if average == "none" else average, sample_weight=WEIGHT)
        np.testing.assert_allclose(measured(f'{name}("{average}")', GUESS, CLASS, WEIGHT), wanted, rtol=BOUND)


@pytest.mark.parametrize("name", RATES)
def test_rates_of_questions_are_those_of_the_yes(name: str) -> None:
    wanted = RATES[name](YES[:, 0], GUESS[:, 0] > 0, sample_weight=WEIGHT)
    assert measured(name, GUESS[:, 0], YES[:, 0], WEIGHT) == pytest.approx(wanted, rel=BOUND)


def test_a_class_that_is_nowhere_counts_as_scikit_learn_has_it_and_not_at_all_in_iou() -> None:
    label, scores = np.minimum(CLASS, 2), GUESS - 99 * (np.arange(4) == 3)
    told = scores.argmax(-1)
    for name, score in RATES.items():
        wanted = score(label, told, average="macro", labels=range(3 if name == "iou" else 4), zero_division=0)
        assert measured(name, scores, label) == pytest.approx(wanted, rel=BOUND)


def test_mcc_agrees_with_scikit_learn() -> None:
    wanted = metrics.matthews_corrcoef(CLASS, GUESS.argmax(-1), sample_weight=WEIGHT)
    assert measured("mcc", GUESS, CLASS, WEIGHT) == pytest.approx(wanted, rel=BOUND)
    wanted = metrics.matthews_corrcoef(YES[:, 1], GUESS[:, 1] > 0)
    assert measured("mcc", GUESS[:, 1:2], YES[:, 1:2]) == pytest.approx(wanted, rel=BOUND)
    assert measured("mcc", np.abs(GUESS[:, 0]), YES[:, 0]) == 0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_top_accuracy_agrees_with_scikit_learn(k: int) -> None:
    wanted = metrics.top_k_accuracy_score(CLASS, GUESS, k=k, sample_weight=WEIGHT)
    assert measured(f"top_accuracy({k})", GUESS, CLASS, WEIGHT) == pytest.approx(wanted, rel=BOUND)


def test_top_accuracy_of_one_is_accuracy_with_ties_too() -> None:
    tied = np.round(GUESS)
    tied[3] = np.nan
    assert measured("top_accuracy(1)", tied[4:], CLASS[4:]) == measured("accuracy", tied[4:], CLASS[4:])
    assert measured("top_accuracy(3)", np.full((20, 4), np.nan), CLASS[:20]) == 0


def test_mse_and_bits_agree_with_scikit_learn() -> None:
    wanted = metrics.mean_squared_error(GUESS[:, 1], GUESS[:, 0], sample_weight=WEIGHT)
    assert measured("mse", GUESS[:, 0], GUESS[:, 1], WEIGHT) == pytest.approx(wanted, rel=BOUND)
    wanted = metrics.log_loss(CLASS, softmax(GUESS), sample_weight=WEIGHT, labels=range(4)) / np.log(2)
    assert measured("bits_per_dim", GUESS, CLASS, WEIGHT) == pytest.approx(wanted, rel=BOUND)


def softmax(logits: Any) -> Any:
    shares = np.exp(logits)
    return shares / shares.sum(-1, keepdims=True)


AREAS = {"auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}


@pytest.mark.parametrize("name", AREAS)
def test_areas_of_questions_agree_with_scikit_learn_with_ties(name: str) -> None:
    score = AREAS[name]
    assert measured(name, TIED, YES) == pytest.approx(score(YES, TIED), rel=BOUND)
    wanted = score(YES[:, 0], TIED[:, 0], sample_weight=WEIGHT)
    assert measured(name, TIED[:, 0], YES[:, 0].astype(np.float64), WEIGHT) == pytest.approx(wanted, rel=BOUND)


def test_areas_of_classes_agree_with_scikit_learn() -> None:
    shares = softmax(GUESS)
    wanted = metrics.roc_auc_score(CLASS, shares, multi_class="ovr", average="macro")
    assert measured("auc", GUESS, CLASS) == pytest.approx(wanted, rel=BOUND)
    wanted = metrics.average_precision_score(np.eye(4)[CLASS], shares, sample_weight=WEIGHT)
    assert measured("average_precision", GUESS, CLASS, WEIGHT) == pytest.approx(wanted, rel=BOUND)


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


def phrases(row: list[int], length: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(row[at : at + length]) for at in range(len(row) - length + 1))


def bleu(texts: list[list[int]], targets: list[list[int]]) -> float:
    """BLEU of a corpus with one reference each, by counting phrases."""
    logs = []
    for length in range(1, 5):
        pairs = [(phrases(a, length), phrases(b, length)) for a, b in zip(texts, targets, strict=True)]
        logs.append(np.log(sum((a & b).total() for a, b in pairs) / sum(a.total() for a, _ in pairs)))
    sizes = sum(map(len, texts)), sum(map(len, targets))
    return float(np.exp(np.mean(logs) + min(0.0, 1 - sizes[1] / sizes[0])))


@pytest.mark.parametrize("shorter", [False, True])
def test_bleu_agrees_with_counted_phrases(shorter: bool) -> None:
    target = RNG.integers(1, 4, (ROWS, 9))
    text = np.where(RNG.random((ROWS, 9)) < 0.8, target, RNG.integers(1, 4, (ROWS, 9)))
    for row, cut in enumerate(RNG.integers(5, 10, ROWS)):
        text[row, cut - shorter :] = 0
        target[row, cut:] = 0
    wanted = bleu(*([[int(token) for token in row if token] for row in array] for array in (text, target)))
    found = measured("bleu(pad = 0)", text.astype(np.int32), target.astype(np.int32))
    assert found == pytest.approx(wanted, rel=BOUND)


def test_bleu_reads_the_largest_logit() -> None:
    target = RNG.integers(0, 3, (ROWS, 6)).astype(np.int32)
    logits = np.eye(3)[target] + 0.4 * RNG.random((ROWS, 6, 3))
    assert measured("bleu", logits, target) == 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert measured("bleu", logits, (target + 1) % 7 + 3) == 0.0


def shared(a: Any, b: Any) -> float:
    """Intersection over union of two boxes."""
    sides = [max(0.0, min(a[at + 2], b[at + 2]) - max(a[at], b[at])) for at in (0, 1)]
    both = sides[0] * sides[1]
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def found_by_hand(boxes: Any, scores: Any, labels: Any, targets: Any, wanted: Any, threshold: float) -> float:
    """Mean average precision, box by box."""
    areas = []
    for kind in sorted(set(wanted[wanted >= 0].tolist())):
        told: list[tuple[float, bool]] = []
        for picture in range(len(boxes)):
            free = [at for at in range(targets.shape[1]) if wanted[picture, at] == kind]
            for at in sorted(np.flatnonzero(labels[picture] == kind), key=lambda at: -scores[picture, at]):
                near = max(free, key=lambda other: shared(boxes[picture, at], targets[picture, other]), default=None)
                hit = near is not None and shared(boxes[picture, at], targets[picture, near]) >= threshold
                if hit:
                    free.remove(near)
                told.append((scores[picture, at], hit))
        told.sort(reverse=True)
        hits = np.cumsum([hit for _, hit in told])
        total, area = int((wanted == kind).sum()), 0.0
        for number in range(1, total + 1):
            places = [at for at in range(len(hits)) if hits[at] >= number]
            area += max((hits[at] / (at + 1) for at in places), default=0.0) / total
        areas.append(area)
    return float(np.mean(areas))


@pytest.mark.parametrize("threshold", [0.3, 0.6])
def test_mean_average_precision_agrees_with_boxes_taken_by_hand(threshold: float) -> None:
    low = RNG.random((ROWS, 3, 2))
    targets = np.concatenate([low, low + 0.3 + RNG.random((ROWS, 3, 2))], axis=-1)
    wanted = RNG.integers(-1, 3, (ROWS, 3)).astype(np.int32)
    near = RNG.integers(0, 3, (ROWS, 5))
    boxes = np.take_along_axis(targets, near[..., None], 1) + 0.08 * drawn(ROWS, 5, 4)
    labels = np.where(RNG.random((ROWS, 5)) < 0.8, np.take_along_axis(wanted, near, 1), 1).astype(np.int32)
    scores = RNG.random((ROWS, 5))
    expected = found_by_hand(boxes, scores, labels, targets, wanted, threshold)
    found = measured(f"mean_average_precision({threshold})", boxes, scores, labels, targets, wanted)
    assert 0.1 < expected < 0.99
    assert found == pytest.approx(expected, rel=BOUND)

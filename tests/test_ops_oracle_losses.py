"""Losses against PyTorch, metrics against scikit-learn, in 64 bits."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from peers import BOUND, RNG, channels_first, compare, drawn
from samples import op_of
from sklearn import metrics

from dslc.ops.base import OPS, Context

pytestmark = pytest.mark.usefixtures("float64")

SCORES, LABELS = 3 * drawn(4, 5, 6), RNG.integers(0, 6, (4, 5)).astype(np.int32)
SHARES = RNG.dirichlet(np.ones(6), (4, 5))
REDUCE = ["mean", "sum", "none"]


@pytest.mark.parametrize("reduce", REDUCE)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_agrees_with_pytorch(reduce: str, smoothing: float) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, target: Any, ignore: int = -100) -> Any:
        target = channels_first(target) if target.is_floating_point() else target.long()
        return functional.cross_entropy(
            channels_first(x), target, reduction=reduce, label_smoothing=smoothing, ignore_index=ignore
        )

    settings = f'smoothing = {smoothing}, reduce = "{reduce}"'
    compare(f"cross_entropy({settings})", peer, SCORES, LABELS)
    compare(f"cross_entropy({settings}, ignore = 2)", lambda x, target: peer(x, target, 2), SCORES, LABELS)
    if reduce != "mean":
        # PyTorch divides by the batch alone when the targets are shares.
        compare(f"cross_entropy({settings})", peer, SCORES, SHARES)
    else:
        compare(
            f"cross_entropy({settings})", lambda x, target: peer(x.flatten(0, 1), target.flatten(0, 1)), SCORES, SHARES
        )


LOSSES = {
    "binary_cross_entropy": "binary_cross_entropy_with_logits",
    "squared_error": "mse_loss",
    "absolute_error": "l1_loss",
    "huber": "huber_loss",
    "huber(0.3)": "huber_loss",
}


@pytest.mark.parametrize("reduce", REDUCE)
@pytest.mark.parametrize("text", LOSSES)
def test_elementwise_losses_agree_with_pytorch(text: str, reduce: str) -> None:
    functional = pytest.importorskip("torch").nn.functional
    call, more = getattr(functional, LOSSES[text]), {"delta": 0.3} if "0.3" in text else {}
    name = text.partition("(")[0]
    settings = f'0.3, "{reduce}"' if more else f'reduce = "{reduce}"'
    target = SHARES if name == "binary_cross_entropy" else drawn(4, 5, 6)
    compare(f"{name}({settings})", lambda x, target: call(x, target, reduction=reduce, **more), SCORES, target)


@pytest.mark.parametrize("text", ["cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber"])
def test_weights_make_a_weighted_mean(text: str) -> None:
    torch = pytest.importorskip("torch")
    target = LABELS if text == "cross_entropy" else drawn(4, 5, 6)
    weight = RNG.random(SCORES.shape[: 2 if text == "cross_entropy" else 3])
    each, total = (op_of(f'{text}(reduce = "{reduce}")') for reduce in ("none", "sum"))
    losses = np.asarray(each.apply({}, jnp.asarray(SCORES), jnp.asarray(target), ctx=Context()))
    found = total.apply({}, jnp.asarray(SCORES), jnp.asarray(target), jnp.asarray(weight), ctx=Context())
    assert float(found) == pytest.approx((losses * weight).sum(), rel=BOUND)
    peers = {
        "cross_entropy": lambda x, t: torch.nn.functional.cross_entropy(channels_first(x), t.long(), reduction="none"),
        "binary_cross_entropy": lambda x, t: torch.nn.functional.binary_cross_entropy_with_logits(
            x, t, reduction="none"
        ),
        "squared_error": lambda x, t: (x - t) ** 2,
        "absolute_error": lambda x, t: (x - t).abs(),
        "huber": lambda x, t: torch.nn.functional.huber_loss(x, t, reduction="none"),
    }
    compare(text, lambda x, t, w: (w * peers[text](x, t)).sum() / w.sum(), SCORES, target, weight)


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


def halves(*arrays: np.ndarray[Any, Any]) -> list[tuple[np.ndarray[Any, Any], ...]]:
    """Two batches of different size."""
    return [tuple(array[:13] for array in arrays), tuple(array[13:] for array in arrays)]


ROWS = 40
GUESS, CLASS, WEIGHT = drawn(ROWS, 4), RNG.integers(0, 4, ROWS).astype(np.int32), RNG.random(ROWS)


def test_accuracy_agrees_with_scikit_learn() -> None:
    expected = metrics.accuracy_score(CLASS, GUESS.argmax(-1), sample_weight=WEIGHT)
    assert measured("accuracy", *halves(GUESS, CLASS, WEIGHT)) == pytest.approx(expected, rel=BOUND)
    assert measured("accuracy", *halves(GUESS, CLASS)) == metrics.accuracy_score(CLASS, GUESS.argmax(-1))


def test_accuracy_of_single_logits_agrees_with_scikit_learn() -> None:
    yes = RNG.random((ROWS, 1)) < 0.5
    expected = metrics.accuracy_score(yes[:, 0], GUESS[:, 0] > 0)
    for target in (yes, yes.astype(np.int32), yes.astype(np.float64)):
        assert measured("accuracy", *halves(GUESS[:, :1], target)) == pytest.approx(expected, rel=BOUND)


def test_confusion_agrees_with_scikit_learn() -> None:
    expected = metrics.confusion_matrix(CLASS, GUESS.argmax(-1), sample_weight=WEIGHT, labels=range(4))
    np.testing.assert_allclose(measured("confusion", *halves(GUESS, CLASS, WEIGHT)), expected, rtol=BOUND)
    yes = RNG.random(ROWS) < 0.3
    expected = metrics.confusion_matrix(yes, GUESS[:, 0] > 0)
    np.testing.assert_array_equal(measured("confusion", *halves(GUESS[:, 0], yes)), expected)


def test_perplexity_agrees_with_scikit_learn() -> None:
    shares = np.exp(GUESS) / np.exp(GUESS).sum(-1, keepdims=True)
    expected = np.exp(metrics.log_loss(CLASS, shares, sample_weight=WEIGHT, labels=range(4)))
    assert measured("perplexity", *halves(GUESS, CLASS, WEIGHT)) == pytest.approx(expected, rel=BOUND)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("columns", [1, 3])
def test_metrics_of_numbers_agree_with_scikit_learn(columns: int, weighted: bool) -> None:
    x, target = GUESS[:, :columns], GUESS[:, :columns] + 2 + 0.7 * drawn(ROWS, columns)
    arrays = (x, target, WEIGHT[:, None]) if weighted else (x, target)
    more = {"sample_weight": WEIGHT} if weighted else {}
    squared = metrics.mean_squared_error(target, x, **more)
    assert measured("rmse", *halves(*arrays)) == pytest.approx(np.sqrt(squared), rel=BOUND)
    assert measured("mae", *halves(*arrays)) == pytest.approx(metrics.mean_absolute_error(target, x, **more), rel=BOUND)
    assert measured("r2", *halves(*arrays)) == pytest.approx(metrics.r2_score(target, x, **more), rel=BOUND)


def test_metrics_of_nothing_are_not_numbers() -> None:
    nothing = np.zeros(ROWS)
    for name, arrays in {"accuracy": (GUESS, CLASS), "perplexity": (GUESS, CLASS), "r2": (WEIGHT, WEIGHT)}.items():
        assert np.isnan(measured(name, (*arrays, nothing)))


def test_r2_of_a_constant_target_is_one_only_when_it_is_met() -> None:
    constant = np.full(ROWS, 3.0)
    assert measured("r2", (constant, constant)) == metrics.r2_score(constant, constant) == 1.0
    assert measured("r2", (WEIGHT, constant)) == metrics.r2_score(constant, WEIGHT) == 0.0

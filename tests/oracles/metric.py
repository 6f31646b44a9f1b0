"""Metrics beside scikit-learn, added up over two batches of different size."""

from typing import Any

import numpy as np

from oracles.base import Array, oracle

RNG = np.random.default_rng(2)
ROWS = 40
GUESS, CLASS, WEIGHT = RNG.standard_normal((ROWS, 4)), RNG.integers(0, 4, ROWS).astype(np.int32), RNG.random(ROWS)
NEAR = GUESS + 2 + 0.7 * RNG.standard_normal((ROWS, 4))
YES = RNG.random((ROWS, 1)) < 0.5
RARE = RNG.random(ROWS) < 0.3
NUMBERS = ((GUESS[:, :1], NEAR[:, :1]), (GUESS[:, :3], NEAR[:, :3], WEIGHT[:, None]), (WEIGHT, np.full(ROWS, 3.0)))


def learned(name: str) -> Any:
    import sklearn.metrics

    return getattr(sklearn.metrics, name)


def weighted(weight: Array | None) -> dict[str, Array]:
    return {} if weight is None else {"sample_weight": weight.reshape(-1)}


def _accuracy(x: Array, target: Array, weight: Array | None = None) -> Any:
    guess = x[:, 0] > 0 if x.shape[1] == 1 else x.argmax(-1)
    return learned("accuracy_score")(target.reshape(-1), guess, **weighted(weight))


def _confusion(x: Array, target: Array, weight: Array | None = None) -> Any:
    guess, classes = (x > 0, 2) if x.ndim == 1 else (x.argmax(-1), x.shape[1])
    return learned("confusion_matrix")(target, guess, labels=range(classes), **weighted(weight))


def _perplexity(x: Array, target: Array, weight: Array | None = None) -> Any:
    shares = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    return np.exp(learned("log_loss")(target, shares, labels=range(4), **weighted(weight)))


def _regression(name: str, after: Any = lambda value: value) -> Any:
    return lambda x, target, weight=None: after(learned(name)(target, x, **weighted(weight)))


SCORED = ((GUESS, CLASS), (GUESS, CLASS, WEIGHT))
ORACLES = [
    oracle(
        "accuracy",
        "scikit-learn `accuracy_score`",
        _accuracy,
        *SCORED,
        (GUESS[:, :1], YES),
        (GUESS[:, :1], YES.astype(np.int32)),
    ),
    oracle("confusion", "scikit-learn `confusion_matrix`", _confusion, *SCORED, (GUESS[:, 0], RARE)),
    oracle("perplexity", "scikit-learn `log_loss`", _perplexity, *SCORED),
    oracle("rmse", "scikit-learn `mean_squared_error`", _regression("mean_squared_error", np.sqrt), *NUMBERS),
    oracle("mae", "scikit-learn `mean_absolute_error`", _regression("mean_absolute_error"), *NUMBERS),
    oracle("r2", "scikit-learn `r2_score`", _regression("r2_score"), *NUMBERS),
]

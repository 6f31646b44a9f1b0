"""Metrics of counts, of ranks, of phrases and of boxes, beside scikit-learn or counted one by one."""

from collections import Counter
from typing import Any

import numpy as np

from oracles.base import Array, oracle
from oracles.metric import CLASS, GUESS, RNG, ROWS, WEIGHT, YES, learned, weighted

RATES = {
    "precision": "precision_score",
    "recall": "recall_score",
    "f1": "f1_score",
    "iou": "jaccard_score",
}
# Ties are frequent among so few scores.
TIED = np.round(GUESS[:, :3])
ANSWERS = RNG.random((ROWS, 3)) < 0.4


def _rate(name: str, average: str) -> Any:
    def peer(x: Array, target: Array, weight: Array | None = None) -> Any:
        if x.ndim == 1:
            return learned(name)(target, x > 0, **weighted(weight))
        kind = None if average == "none" else average
        return learned(name)(target, x.argmax(-1), average=kind, **weighted(weight))

    return peer


def _mcc(x: Array, target: Array, weight: Array | None = None) -> Any:
    guess = x > 0 if x.ndim == 1 else x.argmax(-1)
    return learned("matthews_corrcoef")(target, guess, **weighted(weight))


def _first(k: int) -> Any:
    return lambda x, target, weight=None: learned("top_k_accuracy_score")(target, x, k=k, **weighted(weight))


def _shares(logits: Array) -> Array:
    shares = np.exp(logits)
    return shares / shares.sum(-1, keepdims=True)


def _bits(x: Array, target: Array, weight: Array | None = None) -> Any:
    return learned("log_loss")(target, _shares(x), labels=range(4), **weighted(weight)) / np.log(2)


def _auc(x: Array, target: Array, weight: Array | None = None) -> Any:
    if target.ndim < x.ndim:
        return learned("roc_auc_score")(target, _shares(x), multi_class="ovr", average="macro", **weighted(weight))
    return learned("roc_auc_score")(target, x, **weighted(weight))


def _precision(x: Array, target: Array, weight: Array | None = None) -> Any:
    if target.ndim < x.ndim:
        return learned("average_precision_score")(np.eye(4)[target], _shares(x), **weighted(weight))
    return learned("average_precision_score")(target, x, **weighted(weight))


def _phrases(row: list[int], length: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(row[at : at + length]) for at in range(len(row) - length + 1))


def _bleu(text: Array, target: Array) -> float:
    """BLEU of a corpus with one reference each, by counting phrases; 0 fills up."""
    texts, targets = ([[int(token) for token in row if token] for row in array] for array in (text, target))
    logs = []
    for length in range(1, 5):
        pairs = [(_phrases(a, length), _phrases(b, length)) for a, b in zip(texts, targets, strict=True)]
        logs.append(np.log(sum((a & b).total() for a, b in pairs) / sum(a.total() for a, _ in pairs)))
    sizes = sum(map(len, texts)), sum(map(len, targets))
    return float(np.exp(np.mean(logs) + min(0.0, 1 - sizes[1] / sizes[0])))


def _texts(shorter: bool) -> tuple[Array, Array]:
    target = RNG.integers(1, 4, (ROWS, 9))
    text = np.where(RNG.random((ROWS, 9)) < 0.8, target, RNG.integers(1, 4, (ROWS, 9)))
    for row, cut in enumerate(RNG.integers(5, 10, ROWS)):
        text[row, cut - shorter :] = 0
        target[row, cut:] = 0
    return text.astype(np.int32), target.astype(np.int32)


def _shared(a: Array, b: Array) -> float:
    """Intersection over union of two boxes."""
    sides = [max(0.0, min(a[at + 2], b[at + 2]) - max(a[at], b[at])) for at in (0, 1)]
    both = sides[0] * sides[1]
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def _told(
    kind: int, threshold: float, boxes: Array, scores: Array, labels: Array, targets: Array, wanted: Array
) -> Any:
    """Scores of the boxes of a kind, and whether each has found a box that none before it has."""
    for picture in range(len(boxes)):
        free = [at for at in range(targets.shape[1]) if wanted[picture, at] == kind]
        for at in sorted(np.flatnonzero(labels[picture] == kind), key=lambda at: -scores[picture, at]):
            box = boxes[picture, at]
            near = max(free, key=lambda other: _shared(box, targets[picture, other]), default=None)
            hit = near is not None and _shared(box, targets[picture, near]) >= threshold
            if hit:
                free.remove(near)
            yield scores[picture, at], hit


def _mean_average_precision(threshold: float) -> Any:
    def peer(*arrays: Array) -> float:
        wanted, areas = arrays[-1], []
        for kind in sorted(set(wanted[wanted >= 0].tolist())):
            hits = np.cumsum([hit for _, hit in sorted(_told(kind, threshold, *arrays), reverse=True)])
            total, area = int((wanted == kind).sum()), 0.0
            for number in range(1, total + 1):
                places = [at for at in range(len(hits)) if hits[at] >= number]
                area += max((hits[at] / (at + 1) for at in places), default=0.0) / total
            areas.append(area)
        return float(np.mean(areas))

    return peer


def _detections() -> tuple[Array, ...]:
    low = RNG.random((ROWS, 3, 2))
    targets = np.concatenate([low, low + 0.3 + RNG.random((ROWS, 3, 2))], axis=-1)
    wanted = RNG.integers(-1, 3, (ROWS, 3)).astype(np.int32)
    near = RNG.integers(0, 3, (ROWS, 5))
    boxes = np.take_along_axis(targets, near[..., None], 1) + 0.08 * RNG.standard_normal((ROWS, 5, 4))
    labels = np.where(RNG.random((ROWS, 5)) < 0.8, np.take_along_axis(wanted, near, 1), 1).astype(np.int32)
    return boxes, RNG.random((ROWS, 5)), labels, targets, wanted


OF_CLASSES = ((GUESS, CLASS), (GUESS, CLASS, WEIGHT))
OF_YES = ((GUESS[:, 0], YES[:, 0]), (GUESS[:, 0], YES[:, 0], WEIGHT))
MSE = "scikit-learn `mean_squared_error`"
ORACLES = [
    *(
        oracle(f'{name}("{average}")', f"scikit-learn `{score}`", _rate(score, average), *OF_CLASSES)
        for name, score in RATES.items()
        for average in ("macro", "micro", "none")
    ),
    *(oracle(name, f"scikit-learn `{score}`", _rate(score, "binary"), *OF_YES) for name, score in RATES.items()),
    oracle("mcc", "scikit-learn `matthews_corrcoef`", _mcc, *OF_CLASSES, *OF_YES),
    *(oracle(f"top_accuracy({k})", "scikit-learn `top_k_accuracy_score`", _first(k), *OF_CLASSES) for k in (1, 2, 3)),
    oracle("bits_per_dim", "scikit-learn `log_loss`", _bits, *OF_CLASSES),
    oracle(
        "mse",
        MSE,
        lambda x, target, weight=None: learned("mean_squared_error")(target, x, **weighted(weight)),
        (GUESS[:, 0], GUESS[:, 1]),
        (GUESS[:, 0], GUESS[:, 1], WEIGHT),
    ),
    oracle("auc", "scikit-learn `roc_auc_score`", _auc, (TIED, ANSWERS), (GUESS, CLASS), *OF_YES),
    oracle(
        "average_precision",
        "scikit-learn `average_precision_score`",
        _precision,
        (TIED, ANSWERS),
        *OF_CLASSES,
        *OF_YES,
    ),
    oracle("bleu(pad = 0)", "phrases, counted one by one", _bleu, _texts(False), _texts(True)),
    *(
        oracle(
            f"mean_average_precision({threshold})",
            "boxes, taken one by one",
            _mean_average_precision(threshold),
            _detections(),
        )
        for threshold in (0.3, 0.6)
    ),
]

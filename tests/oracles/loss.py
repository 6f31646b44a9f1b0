"""Losses."""

from typing import Any

import numpy as np

from oracles.base import F, Oracle, channels_first, ints, oracle

SHARES = np.random.default_rng(4).dirichlet(np.ones(6), (4, 5))
LABELS = ints(6, 4, 5)
REDUCE = ("mean", "sum", "none")
PEERS = {
    "binary_cross_entropy": "binary_cross_entropy_with_logits",
    "squared_error": "mse_loss",
    "absolute_error": "l1_loss",
    "huber": "huber_loss",
}
"""Losses of two tensors of one shape: the name that PyTorch has for them."""


def _entropy(reduce: str, smoothing: float, ignore: int | None) -> Oracle:
    def peer(x: Any, target: Any, weight: Any = None) -> Any:
        shares = target.is_floating_point()
        if shares and reduce == "mean":
            # PyTorch divides by the batch alone when the targets are shares.
            return F.cross_entropy(x.flatten(0, 1), target.flatten(0, 1), label_smoothing=smoothing)
        given = channels_first(target) if shares else target.long()
        how = {"label_smoothing": smoothing, "ignore_index": -100 if ignore is None else ignore}
        if weight is not None:
            return (weight * F.cross_entropy(channels_first(x), given, reduction="none", **how)).sum() / weight.sum()
        return F.cross_entropy(channels_first(x), given, reduction=reduce, **how)

    text = f'smoothing = {smoothing}, reduce = "{reduce}"' + (f", ignore = {ignore}" if ignore is not None else "")
    cases: list[Any] = [("[4, 5, 6]", LABELS)]
    if ignore is None:
        cases += [("[4, 5, 6]", SHARES), ("[3, 1, 2]", ints(2, 3, 1))]
        cases += [("[4, 5, 6]", LABELS, "+[4, 5]")] if reduce == "mean" else []
    return oracle(f"cross_entropy({text})", "PyTorch `cross_entropy`", peer, *cases)


def elementwise(name: str, reduce: str, setting: str = "", **more: Any) -> Oracle:
    """A loss of two tensors of one shape, the weighted mean among its cases."""
    call = PEERS[name]

    def peer(x: Any, target: Any, weight: Any = None) -> Any:
        if weight is None:
            return getattr(F, call)(x, target, reduction=reduce, **more)
        return (weight * getattr(F, call)(x, target, reduction="none", **more)).sum() / weight.sum()

    target: Any = SHARES if name == "binary_cross_entropy" else "[4, 5, 6]"
    cases: list[Any] = [("[4, 5, 6]", target), ("[7]", "+[7]"), ("[3, 1]", "+[3, 1]")]
    cases += [("[4, 5, 6]", target, "+[4, 5, 6]")] if reduce == "mean" else []
    return oracle(f'{name}({setting}reduce = "{reduce}")', f"PyTorch `{call}`", peer, *cases)


ORACLES = [
    *(_entropy(reduce, smoothing, ignore) for reduce in REDUCE for smoothing in (0.0, 0.2) for ignore in (None, 2)),
    *(elementwise(name, reduce) for name in PEERS for reduce in REDUCE),
    *(elementwise("huber", reduce, "0.3, ", delta=0.3) for reduce in REDUCE),
]

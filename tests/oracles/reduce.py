"""Sums over axes and their like."""

from typing import Any

from oracles.base import SHAPES, oracle, torch

WHOLE = ("[3, 1, 5]", "[2, 3, 7]", "[1]")
MIDDLE = ("[3, 1, 5]", "[2, 3, 7]", "[1, 4]")
CUBES = ("[3, 1, 5]", "[2, 3, 7]")


def _penalty(x: Any) -> Any:
    return (0.3 * x.abs().sum() + 0.7 * x.square().sum()) / x.shape[0]


ORACLES = [
    oracle("activity_penalty(0.3, 0.7)", "PyTorch `abs` and `square`", _penalty, "[3, 1, 5]", "[1, 2]"),
    oracle("sum", "PyTorch `sum`", lambda x: x.sum(), *SHAPES),
    oracle("sum(axis = (0, -1))", "PyTorch `sum`", lambda x: x.sum((0, -1)), *MIDDLE),
    oracle("mean", "PyTorch `mean`", lambda x: x.mean(), *SHAPES),
    oracle("mean(axis = 1, keep = true)", "PyTorch `mean`", lambda x: x.mean(1, keepdim=True), *MIDDLE),
    oracle("max", "PyTorch `amax`", lambda x: x.amax(), *WHOLE),
    oracle("max(axis = 1)", "PyTorch `amax`", lambda x: x.amax(1), *MIDDLE),
    oracle("min(axis = (0, 2), keep = true)", "PyTorch `amin`", lambda x: x.amin((0, 2), keepdim=True), *CUBES),
    oracle("var", "PyTorch `var`", lambda x: x.var(correction=0), "[3, 1, 5]", "[2, 3, 7]"),
    oracle("var(axis = [0, 2])", "PyTorch `var`", lambda x: x.var((0, 2), correction=0), *CUBES),
    oracle("norm", "PyTorch `norm`", lambda x: x.norm(), *WHOLE),
    oracle("norm(axis = 1)", "PyTorch `norm`", lambda x: x.norm(dim=1), *MIDDLE),
    oracle("logsumexp", "PyTorch `logsumexp`", lambda x: x.logsumexp(tuple(range(x.ndim))), *WHOLE),
    oracle("logsumexp(axis = 1, keep = true)", "PyTorch `logsumexp`", lambda x: x.logsumexp(1, keepdim=True), *MIDDLE),
    oracle("cumsum(axis = 1)", "PyTorch `cumsum`", lambda x: x.cumsum(1), *MIDDLE),
    oracle("cumprod", "PyTorch `cumprod`", lambda x: torch.cumprod(x, -1), *WHOLE),
]

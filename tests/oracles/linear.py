"""Affine maps and tables."""

import math
from typing import Any

from oracles.base import F, ints, oracle, torch


def _waves(t: Any) -> Any:
    frequency = torch.exp(torch.arange(0, 6, 2, dtype=torch.float64) * (-math.log(10_000.0) / 6))
    angle = t[..., None] * frequency
    return torch.cat([angle.sin(), angle.cos()], -1)


def _bilinear(a: Any, b: Any, kernel: Any, bias: Any = None) -> Any:
    return F.bilinear(a, b, kernel.movedim(-1, 0), bias)


ORACLES = [
    oracle("bilinear(4)", "PyTorch `bilinear`", _bilinear, ("[3, 5]", "[3, 2]"), ("[2, 1, 3]", "[2, 1, 1]")),
    oracle("bilinear(1, bias = false)", "PyTorch `bilinear`", _bilinear, ("[3, 7]", "[3, 1]")),
    oracle(
        "dense(5)",
        "PyTorch `linear`",
        lambda x, kernel, bias: F.linear(x, kernel.T, bias),
        "[4, 6]",
        "[2, 1, 3]",
        "[1]",
    ),
    oracle("dense(1, bias = false)", "PyTorch `linear`", lambda x, kernel: F.linear(x, kernel.T), "[3, 7]"),
    oracle(
        "embedding(7, 4)",
        "PyTorch `embedding`",
        lambda i, table: F.embedding(i.long(), table),
        ints(7, 2, 9),
        ints(7, 1),
    ),
    oracle("sinusoidal_embedding(6)", "PyTorch `sin`", _waves, "[3, 1]", "[7]"),
]

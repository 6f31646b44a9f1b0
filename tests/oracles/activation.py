"""Activations."""

from typing import Any

import numpy as np

from oracles.base import SHAPES, F, channels_first, channels_last, oracle, seen, torch

# Both signs, zero left out (where the kinks are), and far enough out for the tails.
SPREAD = np.concatenate([np.linspace(-12, -0.01, 30), np.linspace(0.01, 12, 30)]).reshape(3, 4, 5)
ROWS = ("[3, 1, 5]", "[4, 1]", "[1, 7]", SPREAD)


HALVES = ("[3, 1, 6]", "[2]", 3 * np.random.default_rng(0).standard_normal((4, 10)))


def _gated(act: Any, x: Any) -> Any:
    held, gate = x.chunk(2, -1)
    return held * act(gate)


def _prelu(x: Any, scale: Any) -> Any:
    return channels_last(F.prelu(channels_first(x), scale))


def _masked(x: Any, mask: Any) -> Any:
    return torch.softmax(x.masked_fill(~mask, -torch.inf), -1)


POINTWISE = [
    ("relu", "relu", lambda x: F.relu(x)),
    ("leaky_relu", "leaky_relu", lambda x: F.leaky_relu(x)),
    ("leaky_relu(0.3)", "leaky_relu", lambda x: F.leaky_relu(x, 0.3)),
    ("elu", "elu", lambda x: F.elu(x)),
    ("elu(0.7)", "elu", lambda x: F.elu(x, 0.7)),
    ("gelu", "gelu", lambda x: F.gelu(x)),
    ("gelu(approximate = true)", "gelu", lambda x: F.gelu(x, approximate="tanh")),
    ("silu", "silu", lambda x: F.silu(x)),
    ("sigmoid", "sigmoid", lambda x: torch.sigmoid(x)),
    ("tanh", "tanh", lambda x: torch.tanh(x)),
    ("softplus", "softplus", lambda x: F.softplus(x, threshold=1000)),
    ("identity", "clone", lambda x: x.clone()),
    ("relu6", "relu6", lambda x: F.relu6(x)),
    ("selu", "selu", lambda x: F.selu(x)),
    ("celu", "celu", lambda x: F.celu(x)),
    ("celu(0.5)", "celu", lambda x: F.celu(x, 0.5)),
    ("quick_gelu", "sigmoid", lambda x: x * torch.sigmoid(1.702 * x)),
    ("mish", "mish", lambda x: F.mish(x)),
    ("hard_swish", "hardswish", lambda x: F.hardswish(x)),
    # PyTorch's own hardsigmoid has 1 / 6 in 32 bits.
    ("hard_sigmoid", "relu6", lambda x: F.relu6(x + 3) / 6),
    ("hard_tanh", "hardtanh", lambda x: F.hardtanh(x)),
    ("softsign", "softsign", lambda x: F.softsign(x)),
    ("step", "heaviside", lambda x: torch.heaviside(x.detach(), torch.zeros((), dtype=x.dtype))),
    ("sign", "sign", lambda x: torch.sign(x)),
]
ORACLES = [
    *(oracle(text, f"PyTorch `{name}`", peer, *SHAPES, SPREAD) for text, name, peer in POINTWISE),
    oracle("glu", "PyTorch `glu`", lambda x: F.glu(x), *HALVES),
    oracle("glu(axis = 1)", "PyTorch `glu`", lambda x: F.glu(x, 1), "[3, 2, 5]", "[1, 6]"),
    oracle("geglu", "PyTorch `gelu`", lambda x: _gated(F.gelu, x), *HALVES),
    oracle("swiglu", "PyTorch `silu`", lambda x: _gated(F.silu, x), *HALVES),
    oracle("prelu", "PyTorch `prelu`", _prelu, "[3, 5]", "[2, 3, 1]", SPREAD),
    oracle("softmax", "PyTorch `softmax`", lambda x: torch.softmax(x, -1), *ROWS),
    oracle("softmax(axis = 1)", "PyTorch `softmax`", lambda x: torch.softmax(x, 1), *ROWS),
    oracle("softmax", "PyTorch `softmax`", _masked, ("[3, 4, 5]", seen(3, 1, 5)), (SPREAD, seen(3, 4, 5))),
    oracle("log_softmax", "PyTorch `log_softmax`", lambda x: torch.log_softmax(x, -1), *ROWS),
    oracle("log_softmax(0)", "PyTorch `log_softmax`", lambda x: torch.log_softmax(x, 0), *ROWS),
    oracle("maxout(5)", "PyTorch `max`", lambda x: x.unflatten(-1, (-1, 5)).amax(-1), "[3, 1, 5]", "[15]"),
]

"""Recurrent layers and cells; the gates are put in the order of PyTorch."""

from typing import Any

import numpy as np

from oracles.base import Oracle, oracle, torch
from oracles.conv import call, padded

UNITS = 5
# Our gates in the order of PyTorch: its LSTM has i f g o as well, its GRU r z n.
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}
SEQUENCES = ("[3, 6, 4]", "[1, 1, 7]", "[3, 7, 1]")
MASK = np.arange(6)[None, :] < np.array([6, 4, 1])[:, None]


def _maps(kind: str, *arrays: Any) -> list[Any]:
    return [torch.cat([array.chunk(len(ORDER[kind]), -1)[place] for place in ORDER[kind]], -1) for array in arrays]


def _peer(kind: str, act: str = "tanh", reverse: bool = False) -> Any:
    """PyTorch's own loop over a sequence, or a packed one where a mask says how long each is."""

    def peer(x: Any, mask: Any = None, *states: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
        kernel, recurrent, bias = _maps(kind, kernel, recurrent, bias)
        first, second = bias if kind == "gru" else (bias, torch.zeros_like(bias))
        name = f"rnn_{act}" if kind == "rnn" else kind
        zeros = torch.zeros(x.shape[0], UNITS, dtype=x.dtype)
        wanted = 2 if kind == "lstm" else 1
        given = [state[None] for state in (*states, *[zeros] * (wanted - len(states)))]
        held, run = [kernel.T, recurrent.T, first, second], getattr(torch, name)
        start = tuple(given) if wanted == 2 else given[0]
        options = (True, 1, 0.0, False, False)
        if mask is None:
            out = run(x.flip(1) if reverse else x, start, held, *options, True)[0]
            return out.flip(1) if reverse else out
        # Each example by itself, its last state held where the mask is false.
        rows = []
        for row, length in zip(x, mask.sum(1).tolist(), strict=True):
            begin = tuple(state[:, :1] for state in given) if wanted == 2 else start[:, :1]
            out = run(row[None, :length], begin, held, *options, True)[0]
            rows.append(torch.cat([out, out[:, -1:].expand(-1, x.shape[1] - length, -1)], 1))
        return torch.cat(rows)

    return peer


def _layer(kind: str, act: str = "tanh", reverse: bool = False) -> Oracle:
    settings = (f", act = {act}" if kind == "rnn" else "") + (", reverse = true" if reverse else "")
    states = ("[3, 5]",) * (2 if kind == "lstm" else 1)
    cases: list[Any] = [*SEQUENCES, ("[3, 6, 4]", None, *states)]
    cases += [] if reverse else [("[3, 6, 4]", MASK)]
    return oracle(f"{kind}({UNITS}{settings})", f"PyTorch `{kind}`", _peer(kind, act, reverse), *cases)


def _lstm_cell(x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    return torch._VF.lstm_cell(x, (h, c), kernel.T, recurrent.T, bias, torch.zeros_like(bias))


def _gru_cell(x: Any, h: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    kernel, recurrent, (first, second) = _maps("gru", kernel, recurrent, bias)
    return torch._VF.gru_cell(x, h, kernel.T, recurrent.T, first, second)


def _last(x: Any, mask: Any = None) -> Any:
    if mask is None:
        return x[:, -1]
    return torch.stack([row[length - 1] for row, length in zip(x, mask.sum(1).tolist(), strict=True)])


def _conv_lstm(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """Step by step, with PyTorch's convolutions."""

    def convolved(image: Any, kernel: Any) -> Any:
        return call("conv", padded(image, kernel.shape[0] - 1), kernel.movedim(-1, 0).movedim(-1, 1))

    state = cell = torch.zeros(x.shape[0], *x.shape[2:-1], recurrent.shape[-2], dtype=x.dtype)
    states = []
    for image in x.unbind(1):
        i, f, g, o = (convolved(image, kernel) + convolved(state, recurrent) + bias).chunk(4, -1)
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        state = o.sigmoid() * cell.tanh()
        states.append(state)
    return torch.stack(states, 1)


ORACLES = [
    oracle(
        "conv_lstm(2, 3)",
        "PyTorch `conv1d` and `conv2d`",
        _conv_lstm,
        "[2, 3, 5, 4, 3]",
        "[1, 1, 1, 1, 1]",
        "[2, 4, 7, 3]",
    ),
    oracle("conv_lstm(1, 2)", "PyTorch `conv1d` and `conv2d`", _conv_lstm, "[2, 3, 5, 3]"),
    *(_layer(kind, reverse=reverse) for kind in ("lstm", "gru", "rnn") for reverse in (False, True)),
    _layer("rnn", "relu"),
    oracle(
        "lstm_cell(5)",
        "PyTorch `lstm_cell`",
        _lstm_cell,
        ("[3, 4]", "[3, 5]", "[3, 5]"),
        ("[1, 1]", "[1, 5]", "[1, 5]"),
    ),
    oracle("gru_cell(5)", "PyTorch `gru_cell`", _gru_cell, ("[3, 4]", "[3, 5]"), ("[1, 1]", "[1, 5]")),
    oracle("last", "PyTorch, indexed", _last, "[3, 6, 4]", "[1, 1, 1]", ("[3, 6, 4]", MASK)),
]

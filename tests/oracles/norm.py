"""Norms."""

from typing import Any

import numpy as np

from oracles.base import F, Oracle, channels_first, channels_last, oracle, torch

RNG = np.random.default_rng(1)
WIDE = 3 + 5 * RNG.standard_normal((4, 3, 5, 7))
MEAN, VAR = RNG.standard_normal(7), RNG.standard_normal(7) ** 2


def _batch(training: bool) -> Oracle:
    def peer(x: Any, scale: Any, bias: Any) -> Any:
        running = torch.tensor(MEAN), torch.tensor(VAR)
        return channels_last(F.batch_norm(channels_first(x), *running, scale, bias, training, 0.3, 1e-3))

    text, source = "batch_norm(momentum = 0.7, eps = 1e-3)", "PyTorch `batch_norm`"
    return oracle(text, source, peer, WIDE, "[3, 7]", "[5, 1, 7]", training=training, mean=MEAN, var=VAR)


def _groups(x: Any, scale: Any, bias: Any) -> Any:
    return channels_last(F.group_norm(channels_first(x), 3, scale, bias, 1e-3))


def _instance(x: Any, scale: Any = None, bias: Any = None) -> Any:
    return channels_last(F.instance_norm(channels_first(x), weight=scale, bias=bias))


ORACLES = [
    *(
        oracle(
            f"local_response_norm({size}, alpha = 0.3, k = 2.0)",
            "PyTorch `local_response_norm`",
            lambda x, size=size: channels_last(F.local_response_norm(channels_first(x), size, 0.3, 0.75, 2.0)),
            WIDE,
            "[3, 1, 2]",
            "[1, 5, 4, 9]",
        )
        for size in (1, 4, 5)
    ),
    _batch(training=True),
    _batch(training=False),
    oracle(
        "layer_norm", "PyTorch `layer_norm`", lambda x, scale, bias: F.layer_norm(x, (7,), scale, bias), WIDE, "[1, 7]"
    ),
    oracle(
        "layer_norm(0.1, bias = false)",
        "PyTorch `layer_norm`",
        lambda x, scale: F.layer_norm(x, (7,), scale, None, 0.1),
        WIDE,
    ),
    oracle(
        "rms_norm", "PyTorch `rms_norm`", lambda x, scale: F.rms_norm(x, (7,), scale, 1e-6), WIDE, "[7]", "[3, 1, 7]"
    ),
    oracle("group_norm(3, eps = 1e-3)", "PyTorch `group_norm`", _groups, "[3, 6]", "[2, 1, 3]", "[2, 3, 5, 9]"),
    oracle("instance_norm(affine = true)", "PyTorch `instance_norm`", _instance, WIDE, "[1, 9, 1]"),
    oracle("instance_norm(affine = false)", "PyTorch `instance_norm`", _instance, WIDE),
    oracle("l2_normalize", "PyTorch `normalize`", lambda x: F.normalize(x, dim=-1), WIDE, "[1, 5]", "[3]"),
    oracle("l2_normalize(0)", "PyTorch `normalize`", lambda x: F.normalize(x, dim=0), "[3, 1, 5]", "[7]"),
]

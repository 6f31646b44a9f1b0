"""The two settings of a GPT that `benchmarks/gpu.py` trains, and what it counts and hands out to both sides."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Setting:
    """Sizes and rule of one training, as nanoGPT has them."""

    name: str
    layers: int
    width: int
    heads: int
    context: int
    vocab: int
    rows: int
    """Sequences of a micro-batch."""
    micro: int
    """Micro-batches of a step."""
    rate: float
    lr: float
    floor: float
    warmup: int
    beta2: float
    length: int
    """Steps of the schedule."""
    stretch: int
    """Steps between two looks at the clock."""
    decay: float = 0.1
    clip: float = 1.0

    @property
    def tokens(self) -> int:
        """Of a step."""
        return self.rows * self.micro * self.context

    @property
    def flops(self) -> int:
        """Of the model for a token, forward and backward: two thirds of it backward, causal attention counted half.

        Products with weights take 2 for each weight; scores and values 2 * context * width each, and half of that is masked.
        """
        weights = 12 * self.layers * self.width**2 + self.vocab * self.width
        return 3 * (2 * weights + self.layers * 2 * self.context * self.width)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


CHAR = Setting("char", 6, 384, 6, 256, 65, 64, 1, 0.2, 1e-3, 1e-4, 100, 0.99, 5_000, 250)
GPT2 = Setting("gpt2", 12, 768, 12, 1024, 50_304, 12, 40, 0.0, 6e-4, 6e-5, 2_000, 0.95, 600_000, 1)
SETTINGS = {setting.name: setting for setting in (CHAR, GPT2)}


def tiny(setting: Setting) -> Setting:
    """As small as shows that everything runs."""
    small = {"layers": 2, "width": 32, "heads": 2, "context": 32, "rows": 2, "warmup": 1, "length": 4, "stretch": 2}
    micro, vocab = min(setting.micro, 2), min(setting.vocab, 96)
    return replace(setting, **small, micro=micro, vocab=vocab)


def drawn(setting: Setting) -> dict[str, Any]:
    """Rows of random tokens for one step."""
    shape = (setting.rows * setting.micro, setting.context + 1)
    tokens = np.random.default_rng(0).integers(0, setting.vocab, shape, np.int32)
    return {"tokens": tokens[:, :-1].copy(), "target": tokens[:, 1:].copy()}


def characters(text: str) -> tuple[Any, Any, int]:
    """Numbers of the characters of a text, the first 90 % and the rest, and how many kinds there are."""
    known = {character: number for number, character in enumerate(sorted(set(text)))}
    ids = np.array([known[character] for character in text], np.int32)
    cut = round(0.9 * len(ids))
    return ids[:cut], ids[cut:], len(known)

"""The three workloads: sizes, data and settings that every peer shares."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Workload:
    """What is trained: `rows` examples in batches of `batch`, with Adam (AdamW for the GPT) at `lr`."""

    name: str
    rows: int
    batch: int
    lr: float
    steps: int
    """Steps of one timed stretch: about a second of work on two cores."""


MLP = Workload("mlp", 59_904, 128, 1e-3, 468)
CONV = Workload("conv", 5_120, 128, 1e-3, 10)
GPT = Workload("gpt", 12_000, 12, 1e-3, 40)
WORKLOADS = {workload.name: workload for workload in (MLP, CONV, GPT)}
VOCAB, CONTEXT, WIDTH, HEADS, LAYERS = 65, 64, 128, 4, 4


def data(workload: Workload) -> dict[str, Any]:
    """Random rows: speed does not depend on what is in them."""
    random = np.random.default_rng(0)
    if workload.name == "gpt":
        ids = random.integers(0, VOCAB, (workload.rows, CONTEXT + 1), dtype=np.int32)
        return {"tokens": np.ascontiguousarray(ids[:, :-1]), "target": np.ascontiguousarray(ids[:, 1:])}
    image = random.standard_normal((workload.rows, 28, 28, 1), dtype=np.float32)
    return {"image": image, "label": random.integers(0, 10, workload.rows, dtype=np.int32)}

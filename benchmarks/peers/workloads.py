"""What is trained: sizes, data and settings that every peer shares; the models are in `models/`, one file each for dslc."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Workload:
    """`rows` examples in batches of `batch`, with an optimizer by its name (SGD with momentum 0.9) at `lr`."""

    name: str
    rows: int
    batch: int
    steps: int
    """Of an epoch."""
    lr: float = 1e-3
    rule: str = "adam"
    shape: tuple[int, ...] = ()
    """Of one example."""
    classes: int = 10
    epochs: int = 1
    """Of one timed stretch: about a second of work on two cores."""
    images: bool = False
    """XLA for CPUs runs the gradients of convolutions ten to a hundred times slower inside a loop: no scan for JAX then."""
    layers: int = 0
    """Where the model is a matter of depth."""

    @property
    def stretch(self) -> int:
        """Steps of a stretch."""
        return self.steps * self.epochs

    @property
    def model(self) -> str:
        return "depth" if self.layers else self.name

    @property
    def settings(self) -> Mapping[str, str]:
        return {"layers": str(self.layers)} if self.layers else {}


VOCAB, CONTEXT, WIDTH, HEADS, LAYERS = 65, 64, 128, 4, 4
DEPTHS = (16, 64, 256, 1000)
IMAGE = (32, 32, 3)
_ALL = (
    Workload("mlp", 59_904, 128, 468, shape=(28, 28, 1)),
    Workload("digits", 1_792, 32, 56, shape=(8, 8, 1), epochs=20),
    Workload("resnet20", 1_280, 128, 4, 0.1, "sgd", IMAGE, images=True),
    Workload("gpt", 12_000, 12, 40, rule="adamw", shape=(CONTEXT,), classes=VOCAB),
    Workload("lstm", 6_400, 64, 25, shape=(100, 32)),
    *(
        Workload(f"depth{layers}", 6_400, 64, max(1_600 // layers, 8), 1e-4, shape=(32,), layers=layers)
        for layers in DEPTHS
    ),
    Workload("unet", 320, 16, 8, shape=(64, 64, 3), classes=4, images=True),
    Workload("vit", 320, 16, 4, rule="adamw", shape=IMAGE),
)
WORKLOADS = {workload.name: workload for workload in _ALL}
DECAY = {"gpt": 0.1, "vit": 0.05}
BETA2 = {"gpt": 0.99}


def data(workload: Workload) -> dict[str, Any]:
    """Random rows: speed does not depend on what is in them."""
    random = np.random.default_rng(0)
    if workload.name == "gpt":
        ids = random.integers(0, workload.classes, (workload.rows, workload.shape[0] + 1), dtype=np.int32)
        return {"tokens": np.ascontiguousarray(ids[:, :-1]), "target": np.ascontiguousarray(ids[:, 1:])}
    field_name = "image" if len(workload.shape) == 3 else "features"
    places = workload.shape[:2] if workload.name == "unet" else ()
    label = random.integers(0, workload.classes, (workload.rows, *places), dtype=np.int32)
    return {field_name: random.standard_normal((workload.rows, *workload.shape), dtype=np.float32), "label": label}


MODELS = {
    "run_keras": ("mlp", "digits", "resnet20", "gpt", "lstm"),
    "run_torch": ("mlp", "digits", "resnet20", "gpt", "lstm"),
    "run_flax": ("mlp", "digits", "gpt", "lstm"),
    "run_equinox": ("mlp", "digits", "gpt", "lstm"),
}
"""What has been written for the peers other than JAX, which has all of it."""

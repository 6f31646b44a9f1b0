"""Short ways to train what a text says."""

from pathlib import Path
from typing import Any

import numpy as np
from nets import plan_of

from dslc.data.base import Folders
from dslc.plan import Plan
from dslc.source import Source
from dslc.train.checkpoint import read_arrays
from dslc.train.folder import RunFolder
from dslc.train.program import Loop
from dslc.train.progress import Silent
from dslc.train.result import Result
from dslc.train.session import train
from dslc.train.task import Task, make

LINEAR = "model m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
LOSS = "loss = (logits, label) -> cross_entropy"


def block(settings: str = "", data: str = "iris() -> split(0.8, 0.2) -> standardize", loss: str = LOSS) -> str:
    """A train block of the model `m`."""
    return f"train m {{ data = {data}  {loss}  {settings} }}\n"


def task_of(text: str, folder: Path = Path()) -> Task:
    """A plan with its data."""
    plan = plan_of(text)
    return make(plan, plan.data.load(Folders(folder), plan.seed))


def loop_of(text: str) -> Loop:
    return Loop(task_of(text))


class Notes(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[int] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def step(self, step: int, values: Any) -> None:
        self.steps.append(step)


def train_text(text: str, folder: Path, *, share: float = 1e9, plan: Plan | None = None, **options: Any) -> Result:
    """Train what a text says; every checkpoint that is due is written."""
    source = Source("test.net", f"net 1\n{text}")
    return train(plan or plan_of(text), source, Folders(folder.parent), folder, share=share, **options)


def weights_of(folder: Path) -> dict[str, np.ndarray]:
    return read_arrays(RunFolder(folder).weights)[0]


def same_weights(one: Path, other: Path) -> bool:
    """Whether two runs ended with the same weights, bit for bit."""
    first, second = weights_of(one), weights_of(other)
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)

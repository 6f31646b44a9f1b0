"""The loss and the metrics of a run, measured again."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dslc.train.evaluate import Evaluation
from dslc.train.generator import base_key
from dslc.train.machine import Measure
from dslc.train.task import make
from dslc.trained.run import Run


def evaluate(run: Run) -> dict[str, Mapping[str, Any]]:
    """Loss, scalars and metrics by part: of those that are held out, of the training part where none is.

    Raises:
        Failed: when the data or the weights are not there, or do not fit.
    """
    task = make(run.plan, run.load())
    weights, state = run.arrays(run.plan.graph)
    parts = task.held_out or {"train": task.train}
    with ThreadPoolExecutor() as pool:
        key = base_key(run.plan.seed)
        return {
            name: Measure(Evaluation(task, part, run.source), key, pool)(weights, state) for name, part in parts.items()
        }

"""Will it fit, how long will it take: what is said of a training run before it runs."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dslc.data.base import DataFailure, Folders
from dslc.differentiate import differentiate
from dslc.estimate.liveness import bytes_of
from dslc.estimate.memory import NUMBER, Needs, Step, forward, of_steps
from dslc.estimate.speeds import Speeds
from dslc.estimate.time import loop_seconds, step_seconds
from dslc.plan import Plan
from dslc.recompute.fit import fit


@dataclass(frozen=True)
class Forecast:
    """What a training step needs and takes."""

    rows: int
    """Of a batch; with `accumulate`, of a micro-batch."""
    needs: Needs
    flops: int
    """Of a step, backward pass and all."""
    step: float | None
    """Seconds; None where no speed of the device is known."""
    steps: int | None
    """Of an epoch; None where the data does not say how many rows it has."""
    speeds: Speeds | None = None
    """What the time goes by."""

    @property
    def epoch(self) -> float | None:
        return None if self.step is None or self.steps is None else self.step * self.steps

    def to_json(self) -> dict[str, Any]:
        return {
            "batch": self.rows,
            "memory": {
                **{name.replace(" ", "_"): size for name, size in self.needs.parts().items()},
                "peak": self.needs.total,
            },
            "flops": self.flops,
            "seconds": {"step": self.step, "epoch": self.epoch},
            "speeds": self.speeds.to_json() if self.speeds else None,
            "steps_per_epoch": self.steps,
        }


def forecast(plan: Plan, file: str, data: tuple[Path, ...], speeds: Speeds | None) -> Forecast:
    """The forecast for the train block of a file.

    Raises:
        Failed: when a step does not fit into the memory that the block gives.
    """
    steps, flops, seconds = list[Step](), 0, 0.0
    for update in plan.updates:
        graph, trained = forward(plan, update)
        chosen = fit(graph, plan, update, trained).graph
        step = Step(update, differentiate(chosen, update.loss, trained))
        steps.append(step)
        flops += plan.accumulate * _flops(step) // update.every
        seconds += step_seconds(plan, update, step.graph, speeds) / update.every if speeds else 0.0
    rows, size = _rows(plan, file, data)
    if speeds:
        seconds += loop_seconds(plan, rows, speeds)
    epoch = None if rows is None else rows // plan.batch
    most = replace(of_steps(plan, steps), data=(rows or 0) * size)
    return Forecast(plan.rows, most, flops, seconds if speeds else None, epoch, speeds)


def _flops(step: Step) -> int:
    graph = step.graph
    return sum(node.op.cost(*(None if ref is None else graph.type(ref) for ref in node.inputs)).flops for node in graph)


def _rows(plan: Plan, file: str, data: tuple[Path, ...]) -> tuple[int | None, int]:
    """Rows to train on, where that is known without reading them, and bytes of a row on the device."""
    try:
        schema = plan.data.schema(Folders(Path(file).parent, data))
    except DataFailure:
        return None, 0
    read = {node.name: node.type for node in plan.graph.sources("input")}
    kept = (type.with_dtype(schema.storage.get(name, type.dtype)) for name, type in read.items())
    return schema.rows.get("train"), NUMBER + bytes_of(*(type.with_shape(1, *type.shape[1:]) for type in kept))

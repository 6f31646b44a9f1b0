"""A training run from its plan to its folder: train, measure, save, stop in good order, and go on."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

from dslc.data.base import DataFailure, Folders
from dslc.data.pipeline import Loaded
from dslc.errors.data import from_failure
from dslc.errors.train import CheckpointUnfit
from dslc.lazy import np
from dslc.lint.unmeasured_metric import UnmeasuredMetric
from dslc.plan import Plan
from dslc.source import Source
from dslc.train import report
from dslc.train.checkpoint import Best, Checkpoint, Damaged, flatten, restore, write_arrays
from dslc.train.config import differences, settings
from dslc.train.diagnose import Diagnosis, is_finite
from dslc.train.folder import REPORT, RunFolder, choose
from dslc.train.interrupt import Interrupt
from dslc.train.load import beginning
from dslc.train.machine import Machine
from dslc.train.points import Chunk, Points
from dslc.train.program import Carry
from dslc.train.progress import Display, Silent
from dslc.train.result import Ending, Result
from dslc.train.task import Task, failed, make
from dslc.train.told import told
from dslc.train.weights import unstack

SHARE = 0.05
"""Of the time of a run, what saving may take: a checkpoint that is due too early waits for the next point."""


def train(
    plan: Plan, source: Source, data: Folders, folder: Path | None = None, *, resume: bool = False,
    display: Display | None = None, options: Mapping[str, Any] | None = None, share: float = SHARE,
) -> Result:  # fmt: skip
    """Train a plan and write the folder of the run.

    Args:
        source: the text of the file, which the folder keeps.
        data: where data is looked up.
        folder: None: the next `runs/<model>-<n>`.
        resume: go on from the newest whole checkpoint of the folder, bit for bit where the device computes so.
        display: told how the run goes; None: nothing is shown.
        options: what the command line has set, kept in `config.json`.
        share: of the time, what saving may take.

    Raises:
        Failed: when the data, the folder or a checkpoint does not fit, or a number is not finite.
    """
    place = choose(folder, plan.model, resume, plan.span)
    loaded = _loaded(plan, data)
    task = make(plan, loaded)
    display = display or Silent()
    if plan.metrics and not task.held_out:
        display.note(UnmeasuredMetric(plan.span, tuple(plan.metrics)).headline())
    begin = cache(lambda: beginning(plan, data))
    if not (resume and place.checkpoints.steps()):
        for line in begin().told:
            display.note(line)
    with ExitStack() as stack:
        machine = Machine(task, source, begin)
        stack.callback(machine.close)
        stack.callback(display.stop)
        run = Session(machine, place, display, settings(task, loaded, options or {}), share)
        run.open(source, resume)
        result = run.finish(run.train())
        _compare(plan, run.chunk.pace, display)
        return result


def _compare(plan: Plan, pace: float, display: Display) -> None:
    """The seconds of a step beside their forecast. The run is over and saved: nothing that goes wrong here undoes it."""
    if pace == inf:
        return
    try:
        from dslc.estimate.doubt import doubt  # noqa: PLC0415  # short runs do without

        doubt(plan, pace)
    except Exception as error:  # noqa: BLE001  # whatever it is
        display.note(f"the time of a step was not compared with its forecast: {error!r}")


def _loaded(plan: Plan, folders: Folders) -> Loaded:
    try:
        return plan.data.load(folders, plan.seed)
    except DataFailure as failure:
        raise failed(from_failure(plan.spans.get("data", plan.span), failure)) from failure


@dataclass
class Session:
    """A run on its way."""

    machine: Machine
    folder: RunFolder
    display: Display
    config: Mapping[str, Any]
    share: float
    carry: Carry = field(init=False)
    best: Best | None = None
    ending: Ending | None = None
    """How it ended, when a checkpoint says so."""
    measured: dict[tuple[int, str], dict[str, Any]] = field(default_factory=dict[tuple[int, str], dict[str, Any]])
    saved: int | None = None
    """Step of the last checkpoint."""
    began: float = field(default_factory=perf_counter)
    chunk: Chunk = field(default_factory=Chunk)

    def __post_init__(self) -> None:
        self.task: Task = self.machine.task
        self.points = Points.of(self.task.plan, self.task.length)
        self.patience = self.task.length.steps(self.task.plan.early_stop) if self.task.plan.early_stop else None
        self.saved_at, self.cost = self.began, 0.0

    # Beginning

    def open(self, source: Source, resume: bool) -> None:
        """Make or take up the folder, and the carry to begin with."""
        last = self.folder.checkpoints.newest(self.display.note) if resume else None
        if resume and last is None:
            self.display.note(f"`{self.folder.path}` has no checkpoint to go on from: starting anew")
        if last is not None:
            for line in differences(self.folder.config(), self.config):
                self.display.note(line)
        self.carry = self.machine.start() if last is None else self._restored(last)
        self.folder.open(source, self.config)
        self.folder.cut(int(self.carry.step), ("train", self.task.watched or "train"))

    def _restored(self, checkpoint: Checkpoint) -> Carry:
        carry, wrong = restore(self.machine.named_like, checkpoint.arrays)
        if wrong:
            path = self.folder.checkpoints.path(checkpoint.step)
            raise failed(CheckpointUnfit(self.task.plan.span, str(path), tuple(wrong)))
        self.saved, self.ending = checkpoint.step, checkpoint.facts["ending"]
        if checkpoint.facts["best"]:
            self.best = Best(**checkpoint.facts["best"])
        return self.machine.to_device(carry)

    # Training

    def train(self) -> Ending:
        """Run until the end, until nothing gets better, or until Ctrl-C."""
        step = int(self.carry.step)
        self.display.start(step, self.points.total, self.task.length.per_epoch)
        if self.ending == "early" and self.patience is not None:
            return self.ending
        with Interrupt() as interrupt:
            while step < self.points.total and not interrupt.asked:
                step = self._advance(min(self.points.next(step), step + self.chunk.steps))
                if self._at(step):
                    return "early"
        return "finished" if step >= self.points.total else "interrupted"

    def _advance(self, stop: int) -> int:
        """Train to a step, or raise what stopped it."""
        before, start = int(self.carry.step), perf_counter()
        self.carry = self.machine.run(self.carry, stop)
        step = int(self.carry.step)
        if not bool(self.carry.fine):
            raise self._failure()
        self.chunk.took(step - before, perf_counter() - start)
        self.display.step(step, {})
        return step

    def _at(self, step: int) -> bool:
        """Do what is due at a step; True when it is time to stop early."""
        if self.points.is_due(self.points.log, step):
            self._log(step)
        stop = self.points.is_due(self.points.validate, step) and self._validate(step)
        if not stop and self.points.is_due(self.points.checkpoint, step):
            self._save(None)
        return stop

    def _log(self, step: int) -> None:
        """Means since the last log."""
        values = told(self.task.plan, self.carry.sums, step - int(self.carry.counted), step)
        nothing = {name: np.zeros((), np.float32) for name in self.carry.sums}
        self.carry = self.carry._replace(sums=nothing, counted=np.zeros((), np.int32))
        self._write(step, "train", values)
        self.display.step(step, values)

    def _validate(self, step: int) -> bool:
        """Measure the watched part; True when it has not improved for too long."""
        split = self.task.watched
        if split is None:
            return False
        weights, state = self.machine.shown(self.carry)
        values = self._measure(step, split, weights, state)
        if values["loss"] < (self.best.loss if self.best else inf):
            self.best = Best(step, values["loss"], _copied({**weights, **state}))
        return self.patience is not None and step - (self.best.step if self.best else 0) >= self.patience

    def _measure(
        self, step: int, split: str, weights: Mapping[str, Any], state: Mapping[str, Any], is_news: bool = True
    ) -> dict[str, Any]:
        """Values of a held-out part; written and shown where they are news."""
        if (step, split) not in self.measured:
            self.measured = {(step, split): self.machine.measure(split, weights, state)}
            if is_news:
                self._write(step, split, self.measured[step, split])
                self.display.measured(step, split, self.measured[step, split])
        return self.measured[step, split]

    def _write(self, step: int, split: str, values: Mapping[str, Any]) -> None:
        """A line of metrics."""
        epoch = round(step / self.task.length.per_epoch, 6)
        numbers = {name: value for name, value in values.items() if isinstance(value, float)}
        self.folder.add({"step": step, "epoch": epoch, "split": split, **numbers})

    # Saving

    def _save(self, ending: Ending | None) -> None:
        """Write a checkpoint; one that is due in the course of the run waits when the last was not long ago."""
        start = perf_counter()
        if ending is None and start - self.saved_at < self.cost / self.share:
            return
        named = self.machine.to_host(self.carry)
        if not is_finite((named.weights, named.state)):
            raise self._failure()
        step = int(named.step)
        facts = {"ending": ending, "best": self.best.facts() if self.best else None}
        self.folder.checkpoints.write(Checkpoint(step, flatten(named), facts), self.best)
        self.saved, self.saved_at = step, perf_counter()
        self.cost = self.saved_at - start

    def _failure(self) -> Exception:
        diagnosis = Diagnosis(self.machine.loop, self.machine.data, self.machine.key, self._earlier)
        return failed(diagnosis.problem(self.carry, self.saved))

    def _earlier(self) -> Carry:
        """A carry of before: of the last checkpoint, or the start."""
        if self.saved is None:
            return self.machine.start()
        carry, _ = restore(self.machine.named_like, self.folder.checkpoints.read(self.saved).arrays)
        return self.machine.to_device(carry)

    # Ending

    def finish(self, ending: Ending) -> Result:
        """Save, choose the weights to keep, measure them, and write what the folder shows."""
        self._save(ending)
        weights, state = self.machine.shown(self.carry)
        kept, arrays = int(self.carry.step), {**weights, **state}
        if ending != "interrupted" and self.patience is not None:
            kept, arrays = self._best(kept, arrays)
        values = {} if ending == "interrupted" else self._values(kept, arrays)
        write_arrays(self.folder.weights, unstack(self.task.plan.graph, arrays), {"step": kept})
        seconds = perf_counter() - self.began
        result = Result(self.folder.path, ending, int(self.carry.step), kept, values, seconds)
        self.folder.write(REPORT, report.page(result, self.config, self.folder.lines()))
        self.display.finished(result)
        return result

    def _best(self, step: int, arrays: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """The step and the weights with the lowest loss; those of the end where there are none."""
        if self.best is None or self.best.step == step:
            return step, arrays
        try:
            return self.best.step, self.best.arrays or self.folder.checkpoints.read_best(self.best.step)
        except Damaged as problem:
            self.display.note(f"the best weights, of step {self.best.step:,}, are lost ({problem}): the last are kept")
            return step, arrays

    def _values(self, step: int, arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """What the weights that are kept are worth on every held-out part; without one, the last of the training."""
        lines = self.folder.lines()
        if not self.task.held_out:
            return {line["split"]: _numbers(line) for line in lines[-1:]}
        graph = self.task.plan.graph
        weights, state = (
            {node.name: arrays[node.name] for node in graph.sources(kind)} for kind in ("parameter", "state")
        )
        written = {(line["step"], line["split"]) for line in lines}
        return {
            split: self._measure(step, split, weights, state, (step, split) not in written)
            for split in self.task.held_out
        }


def _numbers(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if isinstance(value, float) and name != "epoch"}


def _copied(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Copies in the host's memory: the next step works in that of the device."""
    return {name: np.array(array) for name, array in arrays.items()}

"""What a person sees while a model trains: a bar on a terminal, else a line now and then. Results go to standard output, all else to standard error."""

import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol, TextIO

from dslc.errors.paint import shown_on, visible
from dslc.train.result import Result

SILENCE = 3.0
"""Seconds between two lines where there is no terminal."""


class Display(Protocol):
    """Told by the session how the run goes."""

    def start(self, step: int, total: int, per_epoch: int) -> None:
        """Training begins, or goes on."""
        ...

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """So many steps are done; the values are means over the last of them."""
        ...

    def measured(self, step: int, split: str, values: Mapping[str, Any]) -> None:
        """A held-out part was measured."""
        ...

    def note(self, text: str) -> None:
        """Something to know."""
        ...

    def finished(self, result: Result) -> None:
        """The run is over and its folder is written."""
        ...

    def stop(self) -> None:
        """Training is over; can be called twice."""
        ...


class Silent:
    """Says nothing but notes."""

    def start(self, step: int, total: int, per_epoch: int) -> None: ...

    def step(self, step: int, values: Mapping[str, float]) -> None: ...

    def measured(self, step: int, split: str, values: Mapping[str, Any]) -> None: ...

    def note(self, text: str) -> None:
        sys.stderr.write(f"note: {text}\n")

    def finished(self, result: Result) -> None: ...

    def stop(self) -> None: ...


class Lines:
    """Plain lines: one for each measurement, and one every few seconds between them."""

    def __init__(self, stream: TextIO | None = None, silence: float = SILENCE) -> None:
        self.stream, self.silence = stream or sys.stderr, silence
        self.total, self.per_epoch, self.pace = 0, 1, Pace()
        self.latest: Mapping[str, float] = {}

    def start(self, step: int, total: int, per_epoch: int) -> None:
        self.total, self.per_epoch = total, per_epoch
        self.pace = Pace()
        self.said = time.monotonic()

    def step(self, step: int, values: Mapping[str, float]) -> None:
        self.latest = values or self.latest
        self.pace.at(step)
        if time.monotonic() - self.said >= self.silence:
            self._say(step, told(self.latest))

    def measured(self, step: int, split: str, values: Mapping[str, Any]) -> None:
        self._say(step, f"{told(self.latest)}  {split}: {told(values)}".strip())

    def note(self, text: str) -> None:
        self._write(f"note: {visible(text)}")

    def finished(self, result: Result) -> None:
        sys.stdout.write(shown_on(sys.stdout, result.text()) + "\n")

    def stop(self) -> None: ...

    def _say(self, step: int, text: str) -> None:
        self.said = time.monotonic()
        epoch = step / self.per_epoch
        where = f"step {step:,}/{self.total:,} (epoch {epoch:.4g})"
        self._write(f"{where}  {text}  {self.pace}")

    def _write(self, line: str) -> None:
        self.stream.write(line + "\n")
        self.stream.flush()


class Bar:
    """A bar on a terminal with the loss, the last measurement, steps a second and the time left."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415  # a twentieth of a second, only where there is a terminal
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

        columns = (
            TextColumn("epoch {task.fields[epoch]}"), BarColumn(bar_width=None, table_column=None),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"), TextColumn("{task.fields[values]}"),
            TextColumn("{task.fields[pace]}"), TimeRemainingColumn(),
        )  # fmt: skip
        self.progress = Progress(*columns, console=Console(stderr=True), refresh_per_second=5)
        self.per_epoch, self.pace = 1, Pace()
        self.values, self.measurement = "", ""

    def start(self, step: int, total: int, per_epoch: int) -> None:
        self.per_epoch, self.pace = per_epoch, Pace()
        self.task = self.progress.add_task("", total=total, completed=step, epoch="0", values="", pace="")
        self.progress.start()

    def step(self, step: int, values: Mapping[str, float]) -> None:
        self.pace.at(step)
        self.values = told(values) or self.values
        self._show(step)

    def measured(self, step: int, split: str, values: Mapping[str, Any]) -> None:
        self.measurement = f"{split}: {told(values)}"
        self._show(step)

    def _show(self, step: int) -> None:
        values = f"{self.values}  {self.measurement}".strip()
        epoch = f"{step / self.per_epoch:.4g}"
        self.progress.update(self.task, completed=step, epoch=epoch, values=values, pace=str(self.pace))

    def note(self, text: str) -> None:
        self.progress.console.print(f"note: {visible(text)}", markup=False, highlight=False, soft_wrap=True)

    def finished(self, result: Result) -> None:
        self.stop()
        sys.stdout.write(shown_on(sys.stdout, result.text()) + "\n")

    def stop(self) -> None:
        self.progress.stop()


class Pace:
    """Steps a second, from the first step on: what compiling takes before it does not count."""

    def __init__(self) -> None:
        self.first: tuple[int, float] | None = None
        self.last = 0, 0.0

    def at(self, step: int) -> None:
        self.last = step, time.monotonic()
        self.first = self.first or self.last

    def __str__(self) -> str:
        if self.first is None or self.last[1] <= self.first[1]:
            return ""
        rate = (self.last[0] - self.first[0]) / (self.last[1] - self.first[1])
        return f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s"


def told(values: Mapping[str, Any]) -> str:
    """The numbers among values, in a few digits; tables are for the report."""
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items() if isinstance(value, float))


def suitable() -> Display:
    """A bar where somebody watches, else lines."""
    return Bar() if sys.stderr.isatty() else Lines()

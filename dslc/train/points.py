"""The steps at which a run comes back to Python: to log, to validate, to save, and often enough to hear Ctrl-C."""

from dataclasses import dataclass, field
from math import inf

from dslc.plan import Duration, Plan
from dslc.schedules.base import Length

CHUNK_SECONDS = 0.5
GROWTH = 16
"""How much longer than the last a chunk may be: the first few are too short to tell."""
TELLING = 0.2
"""Seconds of a call that say how long a step takes."""


@dataclass(frozen=True)
class Points:
    """How many steps lie between two logs, two validations, two checkpoints; 0 where there is only that at the end."""

    total: int
    log: int
    validate: int
    checkpoint: int

    @classmethod
    def of(cls, plan: Plan, length: Length) -> "Points":
        return cls(length.total, *(_every(duration, length) for duration in (plan.log, plan.validate, plan.checkpoint)))

    def next(self, step: int) -> int:
        """The next step at which something is due."""
        intervals = [every for every in (self.log, self.validate, self.checkpoint) if every]
        return min([self.total, *((step // every + 1) * every for every in intervals)])

    def is_due(self, every: int, step: int) -> bool:
        return step == self.total or (every > 0 and step % every == 0)


def _every(duration: Duration, length: Length) -> int:
    steps = length.steps(duration)
    return steps if duration.steps is not None else max(1, steps)


@dataclass
class Chunk:
    """How many steps take about half a second. Results do not depend on it."""

    steps: int = field(default=1)
    pace: float = field(default=inf)
    """Seconds of a step in the quickest call that was long enough to tell."""

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a call."""
        if seconds > TELLING:
            self.pace = min(self.pace, seconds / steps)
        wanted = int(steps * CHUNK_SECONDS / max(seconds, 1e-6))
        self.steps = max(1, min(wanted, GROWTH * self.steps))

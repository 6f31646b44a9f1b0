"""What a schedule is: the learning rate of every step of a run whose length is known."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dslc.catalogue import Catalogue, Entry, entry
from dslc.plan import Duration

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True, slots=True)
class Length:
    """How long a run is: steps in all, and steps to an epoch."""

    total: int
    per_epoch: int
    every: int = 1
    """Training steps from one update to the next."""

    def step(self, count: Any) -> Any:
        """The training step, from 0, of the update after `count` others."""
        return count if self.every == 1 else (count + 1) * self.every - 1

    def steps(self, duration: Duration) -> int:
        """A duration in steps."""
        return duration.in_steps(self.total, self.per_epoch)


class Schedule(Entry):
    """A learning rate that depends on the step."""

    def rate(self, step: "jax.Array | int", length: Length) -> "jax.Array":
        """The learning rate of a step (from 0), as a float scalar; can be traced."""
        raise AssertionError(type(self).__name__)


schedule = entry

SCHEDULES: Catalogue[Schedule] = Catalogue("dslc.schedules", Schedule, "schedule")

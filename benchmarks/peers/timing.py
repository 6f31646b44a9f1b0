"""What a peer reports."""

import resource
import statistics
from dataclasses import dataclass, field


@dataclass
class Timing:
    """Seconds to the end of the first stretch of steps (compiling included), and seconds of each stretch after it."""

    first: float
    steps: int
    parameters: int
    """Trained weights: those of every peer must be as many."""
    stretches: list[float] = field(default_factory=list[float])

    def add(self, seconds: float) -> None:
        self.stretches.append(seconds)

    def report(self) -> dict[str, float]:
        """Milliseconds a step (median of the stretches), seconds before the first step ends, peak memory in MB."""
        stretch = statistics.median(self.stretches)
        return {
            "first": self.first - stretch * (self.steps - 1) / self.steps,
            "parameters": self.parameters,
            "step": 1000 * stretch / self.steps,
            "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }

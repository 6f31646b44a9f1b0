"""What came of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Ending = Literal["finished", "early", "interrupted"]


@dataclass(frozen=True)
class Result:
    """How a run ended, and what its weights are worth."""

    folder: Path
    ending: Ending
    step: int
    """Steps taken."""
    kept: int
    """The step whose weights are kept: that of the best where the run stopped early."""
    values: Mapping[str, Mapping[str, Any]]
    """Loss, scalars and metrics by split."""
    seconds: float

    @property
    def exit_status(self) -> int:
        """For the command line: 130 after Ctrl-C."""
        return 130 if self.ending == "interrupted" else 0

    def text(self) -> str:
        """A line for each split, and where everything is."""
        numbers = {
            split: {name: value for name, value in values.items() if isinstance(value, float)}
            for split, values in self.values.items()
        }
        width = max(map(len, numbers), default=0)
        lines = [
            f"{split:<{width}}  " + "  ".join(f"{name} {value:.4f}" for name, value in values.items())
            for split, values in numbers.items()
        ]
        return "\n".join((*lines, self._ending()))

    def _ending(self) -> str:
        if self.ending == "interrupted":
            return f"interrupted at step {self.step:,}; `--resume -o {self.folder}` goes on from there"
        stopped = f"stopped early after {self.step:,}" if self.ending == "early" else f"{self.step:,}"
        best = f"; the weights of step {self.kept:,} are the best and are kept" if self.kept != self.step else ""
        return f"{stopped} steps in {self.seconds:.1f} s{best}: {self.folder}"

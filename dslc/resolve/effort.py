"""How much the builds of one program may do together: a short file can ask for more than any machine has."""

from dataclasses import dataclass, field

MOST_STAGES = 100_000
"""Stages that are applied. A large model has thousands; a `repeat` whose turns are alike but for numbers counts a few."""


@dataclass
class Effort:
    """Counts stages, each use of a block and each turn of a `repeat` that is looked at by itself."""

    limit: int = field(default_factory=lambda: MOST_STAGES)
    spent: int = 0
    told: bool = False
    """It is reported that there was too much."""

    def spend(self, count: int = 1) -> bool:
        """Whether there was that much left."""
        self.spent += count
        return self.spent <= self.limit

"""How much of the machine other processes use meanwhile."""

import os
from pathlib import Path
from time import perf_counter, process_time
from typing import Self

STAT = Path("/proc/stat")
IDLE = (3, 4)
"""Of the times in its first line: idle, and waiting for a disk."""
GUESTS = 8
"""Times from here on are counted among the others already."""


class Others:
    """As a context: what share of all cores other processes use until it is left.

    Linux counts the time that its cores work. Elsewhere it is the average load of the last minute, this process
    included, and 0 where there is none.
    """

    share = 0.0

    def __enter__(self) -> Self:
        self._worked, self._own, self._began = worked(), process_time(), perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        after, cores = worked(), os.cpu_count() or 1
        if self._worked is not None and after is not None:
            theirs = after - self._worked - (process_time() - self._own)
            self.share = max(0.0, theirs / (perf_counter() - self._began) / cores)
        elif hasattr(os, "getloadavg"):
            self.share = os.getloadavg()[0] / cores


def worked() -> float | None:
    """Seconds that all cores together have worked since the system began; None where it does not say."""
    try:
        ticks = [int(word) for word in STAT.read_text("ascii").splitlines()[0].split()[1:][:GUESTS]]
        return sum(number for place, number in enumerate(ticks) if place not in IDLE) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None

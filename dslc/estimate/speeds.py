"""The speeds of a machine, kept in the user's cache folder by kind of device; JAX is not needed to read them."""

import json
import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from math import log
from pathlib import Path
from time import time
from typing import Any

from dslc import cache

VERSION = 7
OLD = 30 * 24 * 3600.0
"""Seconds after which speeds are measured again: a driver, another version of JAX or another machine may have come."""
AGAIN = 60.0
"""Seconds after which those of a busy machine are: it may be quiet by then."""

POINTS = ("products", "batched", "arrays", "convolutions", "attention", "along")
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Speeds:
    """Operations, bytes and seconds."""

    products: Points
    """Operations of a product, and how many a second."""
    batched: Points
    """The same of a product of many pairs of small matrices: operations of one pair."""
    arrays: Points
    """Bytes of an array, and bytes a second that an elementwise loop reads and writes."""
    elementwise: float
    """Operations a second of an elementwise loop."""
    convolutions: Points
    """Numbers in the kernel of a convolution, and its operations a second, gradients and all."""
    attention: Points
    """Operations of the scores and contexts of a head, and how many a second, softmax and gradients and all."""
    along: Points
    """Length of the last axis, and numbers a second of a norm along it, there and back."""
    across: float
    """The same of a norm over all other axes."""
    gathered: float
    """Numbers a second of rows that are taken out of a table."""
    sorted: float
    """Comparisons a second: `n * log2(n)` of them for `n` rows."""
    start: float
    """Seconds to start a kernel inside of a program."""
    taken: float = 0.0
    """When they were measured, in seconds since 1970."""
    busy: bool = False
    """The machine had other work then: they may be too low."""

    def product(self, flops: float) -> float:
        return between(self.products, max(flops, 1))

    def pairs(self, flops: float) -> float:
        return between(self.batched, max(flops, 1))

    def convolution(self, numbers: float) -> float:
        return between(self.convolutions, max(numbers, 1))

    def attended(self, flops: float) -> float:
        return between(self.attention, max(flops, 1))

    def normed(self, length: float) -> float:
        return between(self.along, length)

    def bandwidth(self, size: float) -> float:
        return between(self.arrays, max(size, 1))

    @property
    def is_old(self) -> bool:
        """Whether it is time to measure again."""
        return time() - self.taken > (AGAIN if self.busy else OLD)

    def to_json(self) -> dict[str, Any]:
        """What a report says of them."""
        return {
            "taken": datetime.fromtimestamp(self.taken, UTC).astimezone().strftime("%Y-%m-%d %H:%M"),
            "busy": self.busy,
        }


def between(points: Points, at: float) -> float:
    """A value between measured ones, by the logarithm of the size; the outermost ones hold beyond them."""
    if at <= points[0][0]:
        return points[0][1]
    for (low, first), (high, second) in pairwise(points):
        if at <= high:
            return first + (second - first) * log(at / low) / log(high / low)
    return points[-1][1]


def merged(old: Speeds, new: Speeds) -> Speeds:
    """The better of each speed, as other work on the machine can only make one look worse than it is."""

    def better(old: Points, new: Points) -> Points:
        before = dict(old)
        return tuple((at, max(rate, before.get(at, 0.0))) for at, rate in new)

    return replace(
        new,
        products=better(old.products, new.products),
        batched=better(old.batched, new.batched),
        arrays=better(old.arrays, new.arrays),
        convolutions=better(old.convolutions, new.convolutions),
        attention=better(old.attention, new.attention),
        along=better(old.along, new.along),
        across=max(old.across, new.across),
        elementwise=max(old.elementwise, new.elementwise),
        gathered=max(old.gathered, new.gathered),
        sorted=max(old.sorted, new.sorted),
        start=min(old.start, new.start),
        busy=old.busy and new.busy,
    )


def known() -> Speeds | None:
    """The speeds that the cache folder has for the device that was measured last."""
    place = cache.folder("speeds")
    found = sorted(place.glob("*.json"), key=lambda file: file.stat().st_mtime) if place else []
    return read(found[-1]) if found else None


def file_of(kind: str) -> Path | None:
    """Where the speeds of a kind of device, with so many cores as this process may use, are kept; None where nothing can be."""
    place = cache.folder("speeds")
    return None if place is None else place / (re.sub(r"\W+", "-", f"{kind} {cache.cores()} cores".lower()) + ".json")


def read(file: Path) -> Speeds | None:
    """The speeds in a file; None where it has none that are whole and of this version."""
    try:
        facts = json.loads(file.read_text("utf-8"))
        if facts.pop("version") != VERSION:
            return None
        points: Any = {name: tuple((float(a), float(b)) for a, b in facts.pop(name)) for name in POINTS}
        numbers: Any = {name: float(value) for name, value in facts.items() if name != "busy"}
        return Speeds(**points, busy=bool(facts["busy"]), **numbers)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(file: Path, speeds: Speeds) -> None:
    """Write the speeds; everything works without them."""
    cache.keep(file, json.dumps({"version": VERSION, **asdict(speeds)}))

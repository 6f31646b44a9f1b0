"""What `dslc summary` and `dslc compile` say of a training run before it runs: memory and time."""

from collections.abc import Iterator
from typing import Any

from dslc.amounts import in_bytes
from dslc.cli._sizes import rounded
from dslc.errors.paint import fill

INDENT = "  "
COLUMNS = 76
WORDS = {
    "weights": "weights",
    "optimizer_state": "state of the optimizer",
    "statistics": "statistics",
    "gradients": "gradients",
    "activations": "kept for the backward pass",
    "temporaries": "temporary",
    "batch": "the batch",
    "data": "data on the device",
}


def section(facts: dict[str, Any] | None, xla: dict[str, Any] | None = None) -> Iterator[str]:
    """The lines of a report; nothing for a model that is not trained.

    Args:
        xla: what XLA says of the same program, with one batch for data.
    """
    yield "training"
    if facts is None:
        return
    memory = dict(facts["memory"])
    peak = memory.pop("peak")
    yield f"{INDENT}memory of a step with {facts['batch']} rows, as estimated from the graph"
    for name, size in memory.items():
        yield f"{INDENT * 2}{WORDS[name]:28}{in_bytes(size):>10}"
    yield f"{INDENT * 2}{'in all':28}{in_bytes(peak):>10}"
    if xla is not None and xla["temporary"] is not None:
        batch = memory.get("batch", 0)
        there = peak - memory.get("data", 0) + batch
        counted = xla["arguments"] + xla["temporary"]
        yield f"{INDENT * 2}{'with one batch for data':28}{in_bytes(there):>10}"
        yield f"{INDENT * 2}{'XLA counts for that':28}{in_bytes(counted):>10}"
    seconds, steps = facts["seconds"], facts["steps_per_epoch"]
    work = f"{rounded(facts['flops'], 1000)}FLOPs a step"
    if seconds["step"] is None:
        line = f"{work}; `dslc compile` measures this machine, and says how long that takes"
        yield from (f"{INDENT}{part}" for part in fill(line, COLUMNS))
        return
    epoch = "" if seconds["epoch"] is None else f", an epoch of {steps:,} steps about {duration(seconds['epoch'])}"
    line = (
        f"{work}: about {duration(seconds['step'])}{epoch}, by the speeds of this machine of {facts['speeds']['taken']}"
    )
    if facts["speeds"]["busy"]:
        line += ". It had other work then, so that this may be too long: `dslc compile` measures again"
    yield from (f"{INDENT}{part}" for part in fill(line, COLUMNS))


def duration(seconds: float) -> str:
    """A time for people."""
    for unit, factor in (("us", 1e6), ("ms", 1e3)):
        if seconds * factor < 999.5:
            return f"{seconds * factor:.3g} {unit}"
    if seconds < 90:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"

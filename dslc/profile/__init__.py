"""Where the time of a program goes, by line of its source: some steps under the profiler of JAX.

XLA's instructions carry the scopes that `lower` opens for each node, `dense[mlp.net:4]`. The profiler measures instructions;
one that fuses work for several lines is shared out among them by the elements that each computes. The times of all threads
are added up and scaled to the time of a step on the clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from dslc.compilation import Compilation
from dslc.data.base import DataFailure, Folders
from dslc.lazy import jax, jnp, np
from dslc.lower import lower, shapes_of
from dslc.profile.hlo import OTHER, Instructions, Line
from dslc.profile.trace import traced
from dslc.train.generator import base_key
from dslc.train.program import Loop
from dslc.train.task import Task, make, on_device

LONG = 0.5
"""Seconds that are measured."""
FEWEST, MOST = 3, 300
"""Steps that are measured."""
METADATA = "jax_compilation_cache_include_metadata_in_key"


@dataclass(frozen=True)
class Spent:
    """What a line takes of a step, in seconds."""

    line: Line
    seconds: float


@dataclass(frozen=True)
class Profile:
    """The time of a step, line by line; for a model that is not trained a step is a call."""

    device: str
    steps: int
    seconds: float
    """Of one step, on the clock."""
    spent: tuple[Spent, ...]
    """Most first."""
    blank: bool
    """The data is not there: it ran on zeros."""


@dataclass(frozen=True)
class _Runs:
    """A compiled program that can be run for some more steps."""

    text: str
    steps: Callable[[int], Any]
    blank: bool


def profiled(compilation: Compilation) -> Profile:
    """Run and measure the program of a compilation.

    Raises:
        Failed: when the file has errors.
    """
    runs = _model(compilation) if compilation.plan is None else _training(compilation)
    runs.steps(1)
    start = perf_counter()
    runs.steps(FEWEST)
    count = max(FEWEST, min(MOST, int(LONG / (perf_counter() - start) * FEWEST)))
    start = perf_counter()
    runs.steps(count)
    seconds = (perf_counter() - start) / count
    module = runs.text.split(maxsplit=2)[1].rstrip(",")
    spent = _shared_out(traced(lambda: runs.steps(count), module), Instructions.read(runs.text))
    scale = seconds / (sum(spent.values()) or 1.0)
    found = tuple(Spent(line, part * scale) for line, part in spent.items())
    return Profile(jax.devices()[0].device_kind, count, seconds, found, runs.blank)


def _shared_out(measured: Mapping[str, float], instructions: Instructions) -> dict[Line, float]:
    spent: dict[Line, float] = {}
    for name, seconds in measured.items():
        for line, part in instructions.shares(name).items():
            spent[line] = spent.get(line, 0.0) + seconds * part
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def _training(compilation: Compilation) -> _Runs:
    task, blank = _task(compilation)
    loop = Loop(task, compilation.source)
    key, data = base_key(task.plan.seed), on_device(task.train)
    carry = jax.jit(loop.start)(key)
    program = _compiled(jax.jit(loop.run, donate_argnums=0).lower(carry, data, key, np.int32(0)))

    def steps(count: int) -> Any:
        nonlocal carry
        # A loss that is not finite stops the loop, and would be nothing to measure.
        carry = carry._replace(fine=jnp.ones((), bool))
        carry = jax.block_until_ready(program(carry, data, key, np.int32(int(carry.step) + count)))
        return carry

    return _Runs(program.as_text(), steps, blank)


def _task(compilation: Compilation) -> tuple[Task, bool]:
    """The plan with its data, or with zeros where that is not there."""
    plan = compilation.plan
    assert plan is not None
    try:
        folders = Folders(Path(compilation.source.name).parent, compilation.options.data)
        return make(plan, plan.data.load(folders, plan.seed)), False
    except DataFailure:
        return compilation.task, True


def _model(compilation: Compilation) -> _Runs:
    graph = compilation.optimize[0]
    program = lower(graph, compilation.source)

    def apply(*arrays: Any) -> Any:
        return program(*arrays)[0]

    arrays = [
        {name: jnp.zeros(like.shape, like.dtype) for name, like in shapes_of(graph, kind).items()}
        for kind in ("parameter", "state", "input")
    ]
    made = _compiled(jax.jit(apply).lower(*arrays))

    def steps(count: int) -> Any:
        return jax.block_until_ready([made(*arrays) for _ in range(count)][-1])

    return _Runs(made.as_text(), steps, blank=True)


def _compiled(lowered: Any) -> Any:
    """The program with the lines of this source: one from the cache may have those of an earlier text."""
    before = jax.config.values[METADATA]
    jax.config.update(METADATA, True)
    try:
        return lowered.compile()
    finally:
        jax.config.update(METADATA, before)


__all__ = ["OTHER", "Line", "Profile", "Spent", "profiled"]

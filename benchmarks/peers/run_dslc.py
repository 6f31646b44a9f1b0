"""dslc: the program that `dslc train` runs, timed from inside."""

import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from peers.timing import Timing
from peers.workloads import Workload, data

from dslc import compiler
from dslc.data.folders import Folders
from dslc.train import task
from dslc.train.generator import base_key
from dslc.train.program import Loop

MODELS = Path(__file__).parent.parent / "models"


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        # The peers get their arrays from memory: writing the file is no part of the comparison, reading it is.
        written = time.perf_counter()
        np.savez(f"{folder}/{workload.model}.npz", **data(workload))
        begun += time.perf_counter() - written
        source = compiler.read(str(MODELS / f"{workload.model}.net"))
        plan = compiler.plan(source, compiler.Options(data=(Path(folder),), settings=workload.settings))
        loaded = plan.data.load(Folders(Path(folder)), 0)
    made = task.make(plan, loaded)
    loop, key = Loop(made, source), base_key(0)
    arrays = task.on_device(made.train)
    carry = jax.jit(loop.start)(key)
    stretch = jax.jit(loop.run, donate_argnums=0)

    def until(step: int) -> None:
        nonlocal carry
        carry = jax.block_until_ready(stretch(carry, arrays, key, jnp.int32(step)))

    until(workload.stretch)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(carry.weights))
    timing = Timing(time.perf_counter() - begun, workload.stretch, parameters)
    for number in range(1, stretches + 1):
        begun = time.perf_counter()
        until((number + 1) * workload.stretch)
        timing.add(time.perf_counter() - begun)
    assert bool(carry.fine), "the loss went bad: the time of a run that stopped says nothing"
    return timing

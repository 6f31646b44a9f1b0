"""A GPT with a vocabulary of 50,257: peak memory and time of a step, beside the same model as a person writes it in JAX.

python benchmarks/vocabulary.py [--rounds 5]

The peak is XLA's own count: arguments, temporary memory, and results that are in the place of no argument.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from peers.models_jax import MODELS, fresh
from peers.run_jax import optimizer
from peers.workloads import Workload, data

from dslc import compiler
from dslc.data.folders import Folders
from dslc.train import task
from dslc.train.generator import base_key
from dslc.train.program import Loop

STEPS = 2
GPT = Workload("gpt", 8 * STEPS, 8, STEPS, rule="adamw", shape=(128,), classes=50_257)
MODEL = Path(__file__).parent / "models" / "gpt.net"
MOST_MEMORY, MOST_TIME = 0.5, 1.1


def peak(program: Any) -> int:
    found = program.memory_analysis()
    kept = found.output_size_in_bytes - found.alias_size_in_bytes
    return found.argument_size_in_bytes + found.temp_size_in_bytes + kept


def in_dslc(folder: Path) -> tuple[int, Callable[[], None]]:
    """The training loop that `dslc train` runs; each call is `STEPS` steps."""
    np.savez(folder / "gpt.npz", **data(GPT))
    settings = {"vocab": str(GPT.classes), "context": str(GPT.shape[0]), "batch": str(GPT.batch), "steps": "1_000"}
    source = compiler.read(str(MODEL))
    plan = compiler.plan(source, compiler.Options(settings=settings, data=(folder,)))
    made = task.make(plan, plan.data.load(Folders(folder), 0))
    loop, key = Loop(made, source), base_key(0)
    arrays = task.on_device(made.train)
    carry = jax.jit(loop.start)(key)
    program = jax.jit(loop.run, donate_argnums=0).lower(carry, arrays, key, jnp.int32(0)).compile()

    def run() -> None:
        nonlocal carry
        carry = jax.block_until_ready(program(carry, arrays, key, jnp.int32(int(carry.step) + STEPS)))
        assert bool(carry.fine)

    return peak(program), run


def in_jax() -> tuple[int, Callable[[], None]]:
    """One jitted step from a Python loop."""
    rule, (_, loss) = optimizer(GPT), MODELS[GPT.model]
    params, _ = fresh(GPT, jax.random.key(0))
    carry = (params, rule.init(params))
    rows = {name: jnp.asarray(array[: GPT.batch]) for name, array in data(GPT).items()}

    def step(carry: Any, batch: Any) -> Any:
        params, memory = carry
        value, gradients = jax.value_and_grad(lambda p: loss(p, {}, batch, None)[0])(params)
        updates, memory = rule.update(gradients, memory, params)
        return (optax.apply_updates(params, updates), memory), value

    program = jax.jit(step, donate_argnums=0).lower(carry, rows).compile()

    def run() -> None:
        nonlocal carry
        for _ in range(STEPS):
            carry, _ = program(carry, rows)
        jax.block_until_ready(carry)

    return peak(program), run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        ways = {"dslc": in_dslc(Path(folder)), "jax": in_jax()}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, (_, run) in ways.items():
            begun = time.perf_counter()
            run()
            if number:
                times[name].append((time.perf_counter() - begun) / STEPS)
    print(f"{'':6}{'peak MB':>10}{'ms a step':>12}")
    for name, (size, _) in ways.items():
        print(f"{name:6}{size / 1e6:10.0f}{1e3 * statistics.median(times[name]):12.0f}")
    memory = ways["dslc"][0] / ways["jax"][0]
    took = statistics.median(a / b for a, b in zip(times["dslc"], times["jax"], strict=True))
    print(f"ratio {memory:10.2f}{took:12.2f}   (at most {MOST_MEMORY} and {MOST_TIME})")


if __name__ == "__main__":
    main()

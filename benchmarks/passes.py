"""What each pass saves on the case in its file: run time, memory of intermediate values, compile time.

    python benchmarks/passes.py [PASS ...]

A case that ends in one number is measured with its gradients, others as at inference, where what depends on weights
alone is worked out before. Times are the best of interleaved rounds: compare before and after, not one machine with another.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dslc.differentiate import differentiate
from dslc.graph import Graph
from dslc.lower import lower
from dslc.optimize import apply
from dslc.passes.base import PASSES, Optimization
from dslc.prepare import prepare
from dslc.text import from_text
from dslc.types import JAX_DTYPES

ROUNDS = 15
MIB = 2**20


@dataclass
class Measured:
    """A compiled program and its figures."""

    call: Callable[[], Any]
    compile_s: float
    memory: int
    best: float = float("inf")

    def round(self) -> None:
        start = time.perf_counter()
        jax.block_until_ready(self.call())
        self.best = min(self.best, time.perf_counter() - start)


def main() -> None:
    names = sys.argv[1:] or PASSES.names()
    print(f"{'pass':32}{'claim':13}{'ms':>17}{'ratio':>7}{'MiB':>17}{'compile s':>15}")
    for name in names:
        before, after = both(PASSES[name])
        for _ in range(ROUNDS):
            before.round()
            after.round()
        ms, mib = (
            f"{a:.2f} -> {b:.2f}"
            for a, b in ((before.best * 1e3, after.best * 1e3), (before.memory / MIB, after.memory / MIB))
        )
        seconds = f"{before.compile_s:.2f} -> {after.compile_s:.2f}"
        print(f"{name:32}{PASSES[name].claim:13}{ms:>17}{after.best / before.best:7.2f}{mib:>17}{seconds:>15}")


def both(kind: type[Optimization]) -> tuple[Measured, Measured]:
    graph = from_text(kind.case)
    arrays = {
        source: {node.name: drawn(node.type) for node in graph.sources(source)}
        for source in ("parameter", "state", "input")
    }
    before, after = measured(graph, arrays), measured(apply(kind(), graph).after, arrays)
    return before, after


def drawn(type: Any) -> jax.Array:
    random = np.random.default_rng(0)
    if type.is_integer:
        return jnp.asarray(random.integers(0, 100, type.shape), JAX_DTYPES[type.dtype])
    return jnp.asarray(random.uniform(0.01, 0.1, type.shape), JAX_DTYPES[type.dtype])


def measured(graph: Graph, arrays: dict[str, dict[str, jax.Array]]) -> Measured:
    weights, state, inputs = (arrays[source] for source in ("parameter", "state", "input"))
    output, training = next(iter(graph.outputs)), False
    if graph.type(graph.outputs[output]).rank == 0:
        graph, training = differentiate(graph, output, list(weights)), True
    else:
        parts = prepare(graph)
        weights = {**weights, **lower(parts.once)(weights, state, {})[0]}
        graph = parts.rest
    program = lower(graph)
    start = time.perf_counter()
    # Arguments, not constants: XLA would fold those away.
    compiled = jax.jit(lambda *given: program(*given, training=training)).lower(weights, state, inputs).compile()
    seconds = time.perf_counter() - start
    return Measured(lambda: compiled(weights, state, inputs), seconds, compiled.memory_analysis().temp_size_in_bytes)


if __name__ == "__main__":
    main()

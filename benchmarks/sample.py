"""Tokens a second of `dslc sample`: step by step, and with the whole context computed for each token.

    python benchmarks/sample.py

The model is that of `examples/language/gpt_char.net` with a context of 256, in its own size and in that of nanoGPT's run on a
GPU (6 blocks of 384), with weights that were not trained. The first way is one call of a program for each token, the second
a loop of many tokens in one program, the third the same loop with the keys and values of the text so far kept.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, cast

import jax
import numpy as np

from dslc import compiler
from dslc.bind import bind
from dslc.graph import Graph
from dslc.initialize import initial
from dslc.train.generator import base_key
from dslc.trained.run import Run
from dslc.trained.sample import Settings
from dslc.trained.writing import CHUNK, Stepwise, Text, Whole

FILE = Path(__file__).parents[1] / "examples/language/gpt_char.net"
CONTEXT = 256
SIZES = {"4 blocks of 128": ("4", "128", "4"), "6 blocks of 384": ("6", "384", "6")}
CALLS = 12
"""Tokens of the first way that are timed."""


@dataclass(frozen=True)
class Trained:
    """As much of a run as writing reads."""

    graph: Graph
    precision: str = "f32"
    passes: None = None
    source: None = None

    def arrays(self, graph: Graph) -> Any:
        return initial(bind(graph, {"batch": 1, "seq": CONTEXT}), jax.random.key(0))


def text_of(layers: str, width: str, heads: str) -> Text:
    settings = {"context": str(CONTEXT), "layers": layers, "d": width, "heads": heads}
    graph = compiler.graph(compiler.read(str(FILE)), compiler.Options(model="gpt", settings=settings))
    return Text(cast("Run", Trained(graph)), "tokens", "logits", CONTEXT, Settings().draw, base_key(0))


def by_calls(text: Text) -> Iterator[int]:
    """A call for each token, as `dslc sample` did it before it had the other two."""
    program, weights = text.whole()
    run = jax.jit(lambda weights, state, window: program(weights, state, {"tokens": window})[0]["logits"][0, -1])
    draw = jax.jit(text.draw)
    window = np.zeros((1, CONTEXT), np.int32)
    for number in range(CALLS + 1):
        token = int(draw(run(weights, text.arrays[1], window), text.key, np.int32(number)))
        window = np.concatenate([window[:, 1:], [[token]]], 1).astype(np.int32)
        yield token


def rate(tokens: Iterator[int], at_once: int) -> float:
    """Tokens a second, by the median of the calls behind the first, which compiles."""
    marks = [time.perf_counter() for number, _ in enumerate(tokens) if number % at_once == 0]
    times = [b - a for a, b in pairwise(marks[1:])]
    return at_once / median(times)


def main() -> None:
    print(f"{'':18}{'a call a token':>16}{'loop, whole':>14}{'step by step':>14}{'times':>8}")
    for name, size in SIZES.items():
        text = text_of(*size)
        before = rate(by_calls(text), 1)
        whole = rate(Whole(text).continued([0] * CONTEXT, 3 * CHUNK + 1, 0), CHUNK)
        steps = rate(Stepwise(text).continued([0], CONTEXT - 1), CHUNK)
        print(f"{name:18}{before:16,.0f}{whole:14,.0f}{steps:14,.0f}{steps / before:8.1f}", flush=True)


if __name__ == "__main__":
    main()

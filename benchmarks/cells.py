"""Cells written in the language beside the ops of the catalogue: time of a training step, in one process, taking turns.

python benchmarks/cells.py [--rounds 5] [--batch 32] [--time 64] [--width 64] [--units 128]
"""

import argparse
import statistics
import time

import jax
import numpy as np

from dslc import compiler
from dslc.bind import bind
from dslc.differentiate import differentiate, gradient_name
from dslc.initialize import initial
from dslc.lower import lower
from dslc.optimize import optimize
from dslc.source import Source

CELLS = """net 1
block lstm_by_hand(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  carry  cell: [batch, units] = zeros
  gates  = (x -> dense(4 * units)) + (h -> dense(4 * units, bias = false))
  i, f, g, o = gates -> split(4)
  kept   = (f -> sigmoid) * cell + (i -> sigmoid) * (g -> tanh)
  output out = (o -> sigmoid) * (kept -> tanh)
  next   h = out
  next   cell = kept
}
block gru_by_hand(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  zx, rx, nx = x -> dense(3 * units) -> split(3)
  zh, rh, nh = h -> dense(3 * units) -> split(3)
  z      = zx + zh -> sigmoid
  n      = nx + (rx + rh -> sigmoid) * nh -> tanh
  output new = z * h + (1 - z) * n
  next   h = new
}
block rnn_by_hand(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  output new = (x -> dense(units)) + (h -> dense(units, bias = false)) -> tanh
  next   h = new
}
"""
STEPS = 20
"""Steps that are timed together."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 5), ("batch", 32), ("time", 64), ("width", 64), ("units", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    x = np.random.default_rng(0).normal(size=(asked.batch, asked.time, asked.width)).astype(np.float32)
    print(f"batch {asked.batch}, time {asked.time}, {asked.width} features, {asked.units} units; ms a step, medians")
    print(f"{'':8} {'op':>8} {'cell':>8} {'ratio':>7}")
    for name in ("rnn", "gru", "lstm"):
        bodies = {"op": f"{name}({asked.units})", "cell": f"scan {{ {name}_by_hand({asked.units}) }}"}
        steps = {kind: step(body, x) for kind, body in bodies.items()}
        found: dict[str, list[float]] = {kind: [] for kind in bodies}
        for _ in range(asked.rounds):
            for kind, (program, weights) in steps.items():
                found[kind].append(timed(program, weights, x))
        ratio = statistics.median(cell / op for op, cell in zip(found["op"], found["cell"], strict=True))
        print(f"{name:8} {statistics.median(found['op']):8.2f} {statistics.median(found['cell']):8.2f} {ratio:7.2f}")


def step(body: str, x: np.ndarray) -> tuple:
    """A compiled step of gradient descent on the sum of squares of what a body gives, and its first weights."""
    text = f"{CELLS}model m {{ input x: [batch, time, {x.shape[-1]}]  output loss = x -> {body} -> square -> mean }}"
    graph = compiler.graph(Source("cells.net", text))
    graph, _ = optimize(bind(graph, {"batch": x.shape[0], "time": x.shape[1]}), "training")
    weights, _ = initial(graph, jax.random.key(0))
    program = lower(differentiate(graph, "loss", tuple(weights)))

    def descend(weights: dict, x: jax.Array) -> dict:
        outputs, _ = program(weights, {}, {"x": x}, training=True)
        return {name: weight - 1e-3 * outputs[gradient_name(name)] for name, weight in weights.items()}

    compiled = jax.jit(descend).lower(weights, x).compile()
    jax.block_until_ready(compiled(weights, x))
    return compiled, weights


def timed(program, weights: dict, x: np.ndarray) -> float:
    begun = time.perf_counter()
    for _ in range(STEPS):
        weights = program(weights, x)
    jax.block_until_ready(weights)
    return 1e3 * (time.perf_counter() - begun) / STEPS


if __name__ == "__main__":
    main()

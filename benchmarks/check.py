"""How long `dslc check` takes as a whole process: a long file with many layers, and the examples.

`python benchmarks/check.py` prints a table, the shortest of some runs each. Budgets: 3 seconds for 5,000 lines that become
20,000 layers, 0.3 seconds for an example that trains in a short time (`tests/small.py`), and 1 second for one of the others,
which may have hundreds of layers in several variants.
"""

import argparse
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dslc import compiler
from dslc.source import Source

ROOT = Path(__file__).parents[1]
LINES, LAYERS = 5_000, 20_000
LONG, SHORT, LARGE = 3.0, 0.3, 1.0
"""Budgets in seconds."""
ACTIVATIONS = ("relu", "gelu", "tanh", "silu")


def long_file(lines: int, layers: int) -> str:
    """A model of so many lines and layers: named tensors, skips, blocks with settings, residuals and labels."""
    text = [
        "net 1",
        "",
        "block mixed(width, act = relu): [batch, d] -> [batch, d] = layer_norm -> dense(width) -> act -> dense(d)",
        "",
        "model long(width = 32) {",
        "  input  x: [batch, 32]",
        "  x0     = x -> dense(32)",
    ]
    body = lines - len(text) - 2
    left = layers - 1
    for number in range(body):
        before, name, act = f"x{number}", f"x{number + 1}", ACTIVATIONS[number % 4]
        each = left // (body - number)
        kind = number % 3 if each >= 4 else 3
        stages, used = {
            0: (f"{before} -> mixed(width + {number % 7}, act = {act})", 4),
            1: (f"{before} -> residual {{ layer_norm -> dense(width) as wide_{number} -> {act} }}", 4),
            2: (f"({before} -> dense(width, bias = false)) + {before} -> {act} -> dropout(0.1)", 4),
            3: (f"{before} -> {act}", 1),
        }[kind]
        text.append(f"  {name:<6} = {stages}" + " -> relu" * (each - used))
        left -= max(each, used)
    return "\n".join([*text, f"  output y = x{body} -> dense(10)", "}"]) + "\n"


def count(text: str) -> int:
    """Layers of a model after expansion."""
    graph = compiler.graph(Source("long.net", text))
    return sum(node.op.name not in {"input", "parameter", "state", "constant"} for node in graph)


def seconds(file: Path, runs: int) -> float:
    """The shortest time of a process that checks a file."""
    times: list[float] = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "dslc", "check", str(file)], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "long.net"
        long.write_text(long_file(LINES, LAYERS), "utf-8")
        text = long.read_text("utf-8")
        small = runpy.run_path(str(ROOT / "tests" / "small.py"))["FILES"]
        print(f"{'file':<28} {'lines':>6} {'layers':>7} {'seconds':>8} {'budget':>7}")
        rows = [
            (long, f"{count(text):,}", LONG),
            *((file, "", SHORT if file in small else LARGE) for file in sorted(ROOT.glob("examples/**/*.net"))),
        ]
        for file, layers, budget in rows:
            lines = len(file.read_text("utf-8").splitlines())
            print(f"{file.name:<28} {lines:>6,} {layers:>7} {seconds(file, runs):>8.2f} {budget:>7.1f}", flush=True)


if __name__ == "__main__":
    main()

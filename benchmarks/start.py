"""How long until something is learned: from the start of `dslc train` to the result of its first step, beside `import jax`.

    python benchmarks/start.py [FILE] [--rounds 5]

Each round starts fresh processes in turn: `import jax` alone, a run with an empty cache folder, and one with the cache of
a run before it. The stamp is the run's own: with `log = 1` the loss of the first step is the first line of `metrics.jsonl`, which
is looked for every millisecond. The process is ended then. A round before the first fills Python's cache of bytecode and is
not counted. Bars: 4 times `import jax` with an empty cache, 2.5 times with a warm one.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

EXAMPLE = Path(__file__).parents[1] / "examples" / "digits.net"
BARS = {"empty cache": 4.0, "warm cache": 2.5}
LONGEST = 120.0
"""Seconds after which a run counts as stuck."""
BYTECODE = "PYTHONDONTWRITEBYTECODE"


def importing(environment: Mapping[str, str]) -> float:
    """Seconds of a process that imports JAX and does nothing."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import jax"], env=environment, check=True)
    return time.perf_counter() - begun


def first_step(file: Path, environment: Mapping[str, str], *, to_the_end: bool = False) -> float:
    """Seconds from the start of a training process to the loss of its first step."""
    with tempfile.TemporaryDirectory() as folder:
        metrics = Path(folder) / "run" / "metrics.jsonl"
        command = [sys.executable, "-m", "dslc", "train", str(file), "-o", str(metrics.parent), "--set", "log=1"]
        command += ["--set", "epochs=1"] if to_the_end else []
        begun = time.perf_counter()
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            while not _has_line(metrics):
                if process.poll() is not None or time.perf_counter() - begun > LONGEST:
                    process.kill()
                    sys.exit(f"no first step:\n{process.stderr.read().decode() if process.stderr else ''}")
                time.sleep(0.001)
            taken = time.perf_counter() - begun
            if not to_the_end:
                process.kill()
            process.communicate()
    return taken


def _has_line(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def rounds(file: Path, count: int) -> dict[str, list[float]]:
    """The times by what was started."""
    found: dict[str, list[float]] = {"import jax": [], **{name: [] for name in BARS}}
    plain = {name: value for name, value in os.environ.items() if name != BYTECODE}
    with tempfile.TemporaryDirectory() as kept:
        warm = {**plain, "XDG_CACHE_HOME": kept}
        first_step(file, warm, to_the_end=True)
        for number in range(count + 1):
            with tempfile.TemporaryDirectory() as fresh:
                row = {
                    "import jax": importing(plain),
                    "empty cache": first_step(file, {**plain, "XDG_CACHE_HOME": fresh}),
                    "warm cache": first_step(file, warm),
                }
            for name, taken in row.items():
                found[name] += [taken] if number else []
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=EXAMPLE)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    found = rounds(asked.file.resolve(), asked.rounds)
    print(f"{'to the first step, s':24}{'median':>8}{'least':>8}{'ratio':>8}{'bar':>6}")
    for name, taken in found.items():
        ratio = median(a / b for a, b in zip(taken, found["import jax"], strict=True))
        bar = f"{BARS[name]:6.1f}" if name in BARS else ""
        print(f"{name:24}{median(taken):8.3f}{min(taken):8.3f}{ratio:8.2f}{bar}")


if __name__ == "__main__":
    main()

"""Whole processes: `dslc train` beside Keras, and `dslc check` beside `import jax`.

    python benchmarks/whole.py [--rounds 7] [--mnist FOLDER]

The two of a pair run in turn; the table shows medians and the median of the ratios within a round. Both sides keep what XLA
and Python compiled from one round to the next, as installed packages do; the first one, without, is shown apart. The MLP is trained where the folder of the
files of MNIST is given, for three epochs.
"""

import argparse
import os
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
DSLC = [sys.executable, "-m", "dslc"]


def seconds(command: list[str], folder: str) -> float:
    """Wall time of a process, whose caches are in a folder."""
    # Keras keeps nothing by default: here it has a cache as dslc has one.
    cache = {"XDG_CACHE_HOME": folder, "JAX_COMPILATION_CACHE_DIR": f"{folder}/xla"}
    cache |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    # A checkout has no compiled modules where the environment forbids to write them; installed peers have.
    environment = {**os.environ, **cache, "PYTHONPYCACHEPREFIX": f"{folder}/modules"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - begun


def pair(title: str, ours: list[str], theirs: list[str], rounds: int) -> None:
    """Print the medians of two commands and of their ratio."""
    found: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            command = [word.format(number=number) for word in ours]
            found.append((seconds(command, folder), seconds(theirs, folder)))
    first, rest = found[0], found[1:]
    ratio = statistics.median(a / b for a, b in rest)
    a, b = (statistics.median(row[side] for row in rest) for side in (0, 1))
    print(f"{title:44} {a:8.3f} {b:8.3f} {ratio:7.2f}   first round {first[0]:.3f} / {first[1]:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--mnist", type=Path, help="the folder `mnist` with its four files")
    asked = parser.parse_args()
    rounds = asked.rounds
    python = sys.executable
    print(f"{'seconds':44} {'dslc':>8} {'peer':>8} {'ratio':>7}")
    train = [*DSLC, "train", str(HERE / "digits.net"), "-o", "run-{number}"]
    pair("digits, 20 epochs (peer: Keras on JAX)", train, [python, str(HERE / "peers" / "digits_keras.py")], rounds)
    if asked.mnist:
        folder = asked.mnist.resolve()
        mlp = str(HERE.parent / "examples" / "basics" / "mnist_mlp.net")
        train = [*DSLC, "train", mlp, "--set", "epochs=3", "--data", str(folder.parent), "-o", "run-{number}"]
        pair("MLP, 3 epochs of MNIST", train, [python, str(HERE / "peers" / "mlp_keras.py"), str(folder)], rounds)
    for example in runpy.run_path(str(HERE.parent / "tests" / "small.py"))["FILES"]:
        check = [*DSLC, "check", str(example)]
        pair(f"check {example.name} (peer: import jax)", check, [python, "-c", "import jax"], rounds)


if __name__ == "__main__":
    main()

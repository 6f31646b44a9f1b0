"""Training speed: dslc beside hand-written JAX, Keras and PyTorch; the same model, data, batch and optimizer.

    python benchmarks/train.py [WORKLOAD ...] [--peers PEER ...] [--rounds 5] [--flags]

Every round runs each peer once in a process of its own, one after another, so that all of them meet the same machine.
The table shows medians over the rounds, and the median of the ratios within a round to the better JAX program.
With --flags each program of JAX runs with each of FLAGS in every round, and the best of them counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from peers.workloads import MODELS, WORKLOADS

HERE = Path(__file__).parent
PEERS = {
    "dslc": ("run_dslc", ""),
    "JAX, a jitted step": ("run_jax", "step"),
    "JAX, one scan": ("run_jax", "scan"),
    "Keras on JAX": ("run_keras", ""),
    "Flax NNX": ("run_flax", ""),
    "Equinox": ("run_equinox", ""),
    "PyTorch": ("run_torch", ""),
    "PyTorch, torch.compile": ("run_torch", "compile"),
}
JAX = ("JAX, a jitted step", "JAX, one scan")
FLAGS = (
    "",
    "--xla_cpu_opt_preset=CPU_OPT_PRESET_FAST_RUNTIME",
    "--xla_cpu_opt_preset=CPU_OPT_PRESET_FAST_COMPILE",
    "--xla_cpu_prefer_vector_width=512",
    "--xla_cpu_enable_concurrency_optimized_scheduler=true",
)
"""Of XLA for CPUs: those that may be faster."""
WORKER = """
import importlib, json, sys
from peers.workloads import WORKLOADS
module, way, workload, stretches = sys.argv[1:]
timing = importlib.import_module(f"peers.{module}").run(WORKLOADS[workload], way, int(stretches))
print(json.dumps(timing.report()))
"""


def best(peer: str, workload: str, stretches: int, flags: tuple[str, ...]) -> dict[str, float]:
    """The run of a peer with the shortest step, over the flags of XLA."""
    tried = flags if PEERS[peer][0] != "run_torch" else ("",)
    return min((measure(peer, workload, stretches, flag) for flag in tried), key=lambda found: found["step"])


def measure(peer: str, workload: str, stretches: int, flag: str = "") -> dict[str, float]:
    """One run of a peer: step in ms, first step, whole process in s, memory in MB."""
    module, way = PEERS[peer]
    # No cache of compiled programs for anybody: the first step shows what compiling costs.
    environment = os.environ | {
        "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "XLA_FLAGS": flag,
    }
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WORKER, module, way, workload, str(stretches)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{peer} failed on {workload}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]) | {"process": seconds}


def has(peer: str, workload: str) -> bool:
    """Whether a peer has the model, in a form that is worth its time."""
    if peer == "JAX, one scan" and WORKLOADS[workload].images:
        return False
    module, _ = PEERS[peer]
    models = MODELS.get(module)
    return models is None or workload in models


def table(workload: str, rounds: list[dict[str, dict[str, float]]]) -> None:
    """Print medians and ratios of a workload.

    Raises:
        SystemExit: when the peers did not train models of one size.
    """
    sizes = {peer: int(found["parameters"]) for peer, found in rounds[0].items()}
    if len(set(sizes.values())) > 1:
        sys.exit(f"{workload}: not one model, by the number of weights: {sizes}")
    print(f"\n{workload}: medians of {len(rounds)} rounds")
    print(f"{'':22} {'ms a step':>10} {'to JAX':>7} {'first step s':>13} {'process s':>10} {'memory MB':>10}")
    for peer in rounds[0]:
        middle = {key: statistics.median(found[peer][key] for found in rounds) for key in rounds[0][peer]}
        least = (
            [min(found[way]["step"] for way in JAX if way in found) for found in rounds] if JAX[0] in rounds[0] else []
        )
        ratio = (
            statistics.median(found[peer]["step"] / of_jax for found, of_jax in zip(rounds, least, strict=True))
            if least
            else 0
        )
        print(
            f"{peer:22} {middle['step']:10.3f} {ratio:7.2f} {middle['first']:13.2f} "
            f"{middle['process']:10.2f} {middle['memory']:10.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stretches", type=int, default=3)
    parser.add_argument("--flags", action="store_true", help="let each program of JAX choose the best of FLAGS")
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    options = parser.parse_args()
    for workload in options.workloads:
        peers = [peer for peer in options.peers if has(peer, workload)]
        flags = FLAGS if options.flags else ("",)
        rounds = [
            {peer: best(peer, workload, options.stretches, flags) for peer in peers} for _ in range(options.rounds)
        ]
        table(workload, rounds)


if __name__ == "__main__":
    main()

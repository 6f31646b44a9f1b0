"""Depth: time to check and to compile a model of 1,000 residual blocks in a `repeat`, beside the same model with 10.

python benchmarks/depth.py [--rounds 5]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODEL = """net 1
model deep(depth = {depth}, width = 64) {{
  input  features: [batch, 2]
  output logits = features -> dense(width) -> repeat depth {{ residual {{ layer_norm -> dense(width) -> relu }} }} -> dense(3)
}}

train deep {{
  data      = blobs(n = 256)
  loss      = (logits, label) -> cross_entropy
  optimizer = adam(lr = 1e-4)
  steps     = 1
}}
"""
COMPILE = """
import sys, time
import jax, jax.numpy as jnp
from pathlib import Path
from dslc import compiler
from dslc.data.folders import Folders
from dslc.train import task
from dslc.train.generator import base_key
from dslc.train.program import Loop
jax.config.update("jax_enable_compilation_cache", False)
jax.block_until_ready(jax.jit(lambda x: x + 1)(jnp.zeros(())))
begun = time.perf_counter()
source = compiler.read(sys.argv[1])
plan = compiler.plan(source, compiler.Options())
loop, key = Loop(task.make(plan, plan.data.load(Folders(Path(".")), 0)), source), base_key(0)
carry = jax.eval_shape(loop.start, key)
arrays = task.on_device(loop.task.train)
jax.jit(loop.run, donate_argnums=0).lower(carry, arrays, key, jnp.int32(1)).compile()
print(time.perf_counter() - begun)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    check: dict[int, list[float]] = {10: [], 1000: []}
    build: dict[int, list[float]] = {10: [], 1000: []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for depth in (10, 1000):
                file = Path(folder) / f"deep{depth}.net"
                file.write_text(MODEL.format(depth=depth), encoding="utf-8")
                begun = time.perf_counter()
                subprocess.run([sys.executable, "-m", "dslc", "check", str(file)], check=True, capture_output=True)
                check[depth].append(time.perf_counter() - begun)
                done = subprocess.run(
                    [sys.executable, "-c", COMPILE, str(file)], check=True, capture_output=True, text=True
                )
                build[depth].append(float(done.stdout))
    print(f"{'seconds, medians':30} {'10 blocks':>10} {'1,000':>10} {'ratio':>7}")
    for title, found in (("check, whole process", check), ("compile the training program", build)):
        ratio = statistics.median(b / a for a, b in zip(found[10], found[1000], strict=True))
        print(f"{title:30} {statistics.median(found[10]):10.3f} {statistics.median(found[1000]):10.3f} {ratio:7.2f}")


if __name__ == "__main__":
    main()

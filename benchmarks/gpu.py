"""Training on a GPU: nanoGPT's character model and GPT-2 124M in dslc, beside the same in PyTorch, and the rate of the card.

    pip install -e . "jax[cuda13]"          # the README's command, and JAX for the GPU; torch with CUDA for the peer
    python benchmarks/gpu.py                # everything: under 10 minutes on an H100 or H200
    python benchmarks/gpu.py matmul char    # parts of it
    python benchmarks/gpu.py --tiny         # all of it at sizes for a CPU: shows that the script works, measures nothing

`matmul` is the bf16 rate of the card, by products of 8,192 x 8,192. `char` trains the character model for 5,000 steps: its
loss on the held-out tenth, and the time of a step, dslc and PyTorch turn by turn. `gpt2` times steps of 0.5 M random tokens:
tokens and floating point operations of the model a second, as a share of `matmul`. PyTorch runs where it is installed with
CUDA (with `--tiny` on a CPU as well). The text is looked for in `--data`, which is ../shared/data beside the repository.
"""

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

# Two frameworks share the memory of the card: neither may take most of it at once.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import numpy as np
from peers.gpt import SETTINGS, Setting, characters, drawn, tiny

from dslc import compiler
from dslc.data.folders import Folders
from dslc.ops._remarks import remarked
from dslc.train import task
from dslc.train.device import prepare
from dslc.train.machine import Machine

HERE = Path(__file__).parent
TEXT = "tinyshakespeare.txt"
PARTS = ("matmul", "char", "gpt2")
MOST_LOSS, LEAST_SHARE = 1.47, 0.45
ROUNDS = 5


def say(*words: Any) -> None:
    print(*words, flush=True)


def matmul(size: int) -> float:
    """Operations a second of bf16 products of square matrices, the median of some rounds."""
    # Random numbers: products of zeros run faster, because they take less power.
    a, b = (jax.random.normal(jax.random.key(seed), (size, size), jnp.bfloat16) for seed in (0, 1))
    product = jax.jit(lambda a, b: a @ b)
    jax.block_until_ready(product(a, b))
    seconds: list[float] = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        jax.block_until_ready([product(a, b) for _ in range(10)])
        seconds.append((time.perf_counter() - begun) / 10)
    rate = 2 * size**3 / statistics.median(seconds)
    say(f"matmul: {size:,} x {size:,} in bf16: {rate / 1e12:,.1f} TFLOP/s, the median of {ROUNDS}")
    return rate


class Ours:
    """The programs that `dslc train` runs."""

    def __init__(self, setting: Setting, data: Path) -> None:
        name = {"char": "gpt_char", "gpt2": "gpt2"}[setting.name]
        source = compiler.read(str(HERE / "models" / f"{name}.net"))
        plan = compiler.plan(source, compiler.Options(data=(data,), settings=settings_of(setting)))
        begun = time.perf_counter()
        made = task.make(plan, plan.data.load(Folders(data), 0))
        with remarked() as said:
            # Another thread compiles, and nobody would hear it: the steps are traced here once more.
            self.machine = Machine(made, source)
            jax.eval_shape(self.machine.loop.run, self.machine.like, self.machine.data, self.machine.key, np.int32(0))
        self.remarks, self.step = tuple(said), 0
        self.carry = self.machine.start()
        self.machine.running.result()
        self.compiling = time.perf_counter() - begun
        self.parameters = sum(leaf.size for leaf in jax.tree.leaves(self.carry.weights))

    def run(self, steps: int) -> float:
        """Seconds for so many steps."""
        begun = time.perf_counter()
        self.step += steps
        self.carry = jax.block_until_ready(self.machine.run(self.carry, self.step))
        seconds = time.perf_counter() - begun
        assert bool(self.carry.fine), "the loss went bad: the time of a run that stopped says nothing"
        return seconds

    def measure(self) -> float:
        """The loss over what is held out."""
        (split,) = self.machine.measures
        return self.machine.measure(split, *self.machine.shown(self.carry))["loss"]

    def close(self) -> None:
        self.machine.close()


class Torch:
    """PyTorch in a process of its own, which answers line by line."""

    def __init__(self, setting: Setting, text: Path | None) -> None:
        self.name = setting.name
        given = [json.dumps(setting.to_json()), *([] if text is None else [str(text)])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "peers.gpt_torch", *given],
            cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        facts = self._answer()
        self.parameters, self.device = facts["parameters"], f"PyTorch {facts['version']} on {facts['device']}"

    def run(self, steps: int) -> float:
        return self._ask(f"run {steps}")["seconds"]

    def measure(self) -> float:
        return self._ask("measure")["loss"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: PyTorch stopped with status {self.process.wait()}")
        return json.loads(line)


def peer(setting: Setting, text: Path | None, small: bool) -> Torch | None:
    """PyTorch where it can be compared; else None, and why."""
    try:
        importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        say(f"{setting.name}: PyTorch is not installed, so there is nothing to compare with")
        return None
    asked = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    if not small and subprocess.run([sys.executable, "-c", asked], check=False).returncode:
        say(f"{setting.name}: PyTorch sees no CUDA device, so there is nothing to compare with")
        return None
    made = Torch(setting, text)
    say(f"{setting.name}: {made.device}, {made.parameters:,} weights")
    return made


def settings_of(setting: Setting) -> dict[str, str]:
    """What the command line would set: the sizes of the file, or those of `--tiny`."""
    sizes = {
        "vocab": setting.vocab, "context": setting.context, "d": setting.width, "layers": setting.layers,
        "heads": setting.heads, "batch": setting.rows * setting.micro, "steps": setting.length,
    }  # fmt: skip
    sizes |= {"window": setting.context} if setting.name == "char" else {"accumulate": setting.micro}
    return {name: str(value) for name, value in sizes.items()}


def in_turns(ours: Ours, theirs: Torch | None, setting: Setting, stretches: int, look: Callable[[int], None]) -> float:
    """Train both, a stretch each; seconds of a step of ours, the medians behind the first stretch, which warms up."""
    if theirs is not None and theirs.parameters != ours.parameters:
        raise SystemExit(f"{setting.name}: {ours.parameters:,} weights here and {theirs.parameters:,} in PyTorch")
    seconds: dict[str, list[float]] = {"dslc": [], "PyTorch": []}
    for number in range(1, stretches + 1):
        for name, side in (("dslc", ours), ("PyTorch", theirs)):
            if side is not None:
                seconds[name].append(side.run(setting.stretch) / setting.stretch)
        look(number)
    steady = {name: statistics.median(times[1:] or times) for name, times in seconds.items() if times}
    for name, step in steady.items():
        first, rate = seconds[name][0] * setting.stretch, setting.tokens / step
        line = (
            f"{1000 * step:,.2f} ms a step, {rate:,.0f} tokens/s; the first {setting.stretch} steps took {first:,.1f} s"
        )
        say(f"{setting.name}: {name}: {line}")
    if "PyTorch" in steady:
        say(f"{setting.name}: dslc / PyTorch {steady['dslc'] / steady['PyTorch']:.2f}, the time of a step")
    return steady["dslc"]


def opened(setting: Setting, data: Path) -> Ours:
    ours = Ours(setting, data)
    say(f"{setting.name}: dslc, {ours.parameters:,} weights, {ours.compiling:,.1f} s to load, trace and compile")
    for remark in ours.remarks:
        say(f"{setting.name}: {remark}")
    return ours


def char(setting: Setting, data: Path, small: bool, with_peer: bool) -> None:
    """The character model to the end of its schedule, measured as nanoGPT does: the best loss of a look every 250 steps."""
    ours, theirs = opened(setting, data), peer(setting, data / TEXT, small) if with_peer else None
    losses: list[float] = []

    def look(number: int) -> None:
        losses.append(ours.measure())
        also = "" if theirs is None else f", PyTorch {theirs.measure():.4f}"
        say(f"char: step {number * setting.stretch:,}: held-out loss {losses[-1]:.4f}{also}")

    step = in_turns(ours, theirs, setting, setting.length // setting.stretch, look)
    verdict = f"{MOST_LOSS} is {'reached' if min(losses) <= MOST_LOSS else 'missed'}"
    say(
        f"char: {setting.length:,} steps in {step * setting.length:,.0f} s; best held-out loss {min(losses):.4f}: {verdict}"
    )
    for side in (ours, theirs):
        if side is not None:
            side.close()


def gpt2(setting: Setting, rate: float, small: bool, with_peer: bool) -> None:
    """Steps of GPT-2 on random tokens."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/gpt2.npz", **drawn(setting))
        ours = opened(setting, Path(folder))
    theirs = peer(setting, None, small) if with_peer else None
    step = in_turns(ours, theirs, setting, ROUNDS + 1, lambda number: say(f"gpt2: round {number} of {ROUNDS + 1}"))
    used = setting.flops * setting.tokens / step
    verdict = "reached" if used / rate >= LEAST_SHARE else "missed"
    share = f"{used / rate:.1%} of the rate of its products"
    say(f"gpt2: {used / 1e12:,.1f} TFLOP/s of the model, {share}: {LEAST_SHARE:.0%} is {verdict}")
    for side in (ours, theirs):
        if side is not None:
            side.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--tiny", action="store_true", help="sizes that a CPU runs in seconds")
    parser.add_argument("--no-peer", action="store_true", help="dslc alone")
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data", help="the folder of the text")
    given = parser.parse_args()
    given.data = given.data.resolve()  # PyTorch runs in another folder
    parts = given.parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {min(unknown)!r}: {', '.join(PARTS)}")
    prepare()
    device = jax.devices()[0]
    say(f"{device.device_kind}, JAX {jax.__version__}, {time.strftime('%Y-%m-%d')}")
    if device.platform == "cpu" and not given.tiny:
        parser.error("JAX sees no GPU: `--tiny` shows on a CPU that the script works")
    if "char" in parts and not (given.data / TEXT).is_file():
        parser.error(f"{given.data / TEXT} is not there: name its folder with --data")
    rate = matmul(128 if given.tiny else 8192) if {"matmul", "gpt2"} & set(parts) else 0.0
    sizes = {name: tiny(setting) if given.tiny else setting for name, setting in SETTINGS.items()}
    if "char" in parts:
        char(fitted(sizes["char"], given.data), given.data, given.tiny, not given.no_peer)
    if "gpt2" in parts:
        gpt2(sizes["gpt2"], rate, given.tiny, not given.no_peer)


def fitted(setting: Setting, data: Path) -> Setting:
    """The setting with as many classes as the text has characters."""
    return replace(setting, vocab=characters((data / TEXT).read_text("utf-8"))[2])


if __name__ == "__main__":
    main()

"""What is said before a run beside what comes: memory beside XLA's own count, time beside the clock, and memory by depth.

python benchmarks/memory.py estimates [FILE ...]
python benchmarks/memory.py time [FILE ...]
python benchmarks/memory.py depth [DEPTH ...]
"""

import argparse
import runpy
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from dslc import compiler
from dslc.bind import bind
from dslc.compilation import Compilation
from dslc.data.folders import Folders
from dslc.differentiate import differentiate
from dslc.errors.base import Failed
from dslc.estimate import calibrate
from dslc.estimate.forecast import Forecast, forecast
from dslc.estimate.liveness import peak
from dslc.graph import Graph
from dslc.lower import lower, shapes_of
from dslc.optimize import optimize
from dslc.recompute.choose import choices
from dslc.source import Source
from dslc.train import task
from dslc.train.generator import base_key
from dslc.train.program import Loop

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
EXAMPLES = runpy.run_path(str(ROOT / "tests" / "small.py"))["FILES"]
DEPTHS = (64, 256, 1000)
MB = 1e6
MODEL = """net 1
model deep(depth = {}) {{
  input  image: [batch, 8, 8, 1]
  output logits = image -> flatten
    -> repeat depth {{ residual {{ layer_norm -> dense(256) -> gelu -> dense(64) }} }} -> dense(10)
}}
train deep {{ data = digits()  loss = (logits, label) -> cross_entropy  batch = 1024 }}
"""


def options() -> compiler.Options:
    return compiler.Options(data=(DATA,) if DATA.exists() else ())


def estimates(files: list[Path]) -> None:
    print(f"{'MB':32}{'estimate':>10}{'XLA':>10}{'ratio':>7}")
    for file in files:
        made = Compilation(compiler.read(str(file)), options())
        try:
            plan = made.plan
        except Failed:
            continue
        if plan is None:
            continue
        found = forecast(plan, str(file), options().data, None).needs
        # The program is compiled for one batch as its data.
        said = found.total - found.data + found.batch
        counted = made.compile.memory_analysis()
        assert counted is not None
        there = counted.argument_size_in_bytes + counted.temp_size_in_bytes
        print(f"{file.stem:32}{said / MB:10.3f}{there / MB:10.3f}{said / there:7.2f}", flush=True)


def times(files: list[Path], rounds: int = 5) -> None:
    speeds = calibrate.speeds()
    print(speeds)
    print(f"{'ms a step':32}{'predicted':>10}{'measured':>10}{'ratio':>7}")
    for file in files:
        source = compiler.read(str(file))
        plan = compiler.plan(source, options())
        said: Forecast = forecast(plan, str(file), options().data, speeds)
        taken = measured(plan, source, said.step or 0.0, rounds)
        assert said.step is not None
        print(f"{file.stem:32}{1e3 * said.step:10.3f}{1e3 * taken:10.3f}{said.step / taken:7.2f}", flush=True)


def measured(plan: Any, source: Source, about: float, rounds: int) -> float:
    """Seconds of a step of the program that `dslc train` runs: the best of some rounds, as the speeds are."""
    made = task.make(plan, plan.data.load(Folders(Path(source.name).parent, options().data), 0))
    loop, key = Loop(made, source), base_key(0)
    arrays, carry = task.on_device(made.train), jax.jit(loop.start)(key)
    run = jax.jit(loop.run, donate_argnums=0)
    steps, found = max(3, min(500, int(0.3 / max(about, 1e-4)))), list[float]()
    for number in range(rounds + 1):
        begun = time.perf_counter()
        carry = jax.block_until_ready(run(carry, arrays, key, jnp.int32((number + 1) * steps)))
        if number:
            found.append((time.perf_counter() - begun) / steps)
    assert bool(carry.fine)
    return min(found)


def depth(depths: list[int]) -> None:
    """Temporary memory of a residual network, everything kept and the least that the compiler can keep."""
    print(f"{'MB':>6}{'all kept':>10}{'XLA':>10}{'least':>10}{'XLA':>10}   {'computed again':40}")
    for number in depths:
        plan = compiler.plan(Source("deep.net", MODEL.format(number)))
        graph, _ = optimize(bind(plan.graph, {"batch": plan.batch}), "training")
        graph = Graph(graph.name, graph.nodes, {"loss": graph.outputs["loss"]}).live()
        wrt = [node.name for node in graph.sources("parameter")]
        found = [(peak(differentiate(one.graph, "loss", wrt)).bytes, one) for one in choices(graph, wrt, "loss")]
        first, (least, chosen) = found[0][0], min(found, key=lambda pair: pair[0])
        counts = [temporary(differentiate(one, "loss", wrt)) for one in (graph, chosen.graph)]
        sizes = (first, counts[0], least, counts[1])
        what = "; ".join(dict.fromkeys(one.what for one in chosen.again if "iterations" in one.what))
        print(f"{number:6}{''.join(f'{size / MB:10.1f}' for size in sizes)}   {what}", flush=True)


def temporary(joint: Graph) -> int:
    """XLA's own count of temporary memory."""

    def run(weights: Any, state: Any, inputs: Any) -> Any:
        return lower(joint)(weights, state, inputs, training=True, key=jax.random.key(0))

    given = (shapes_of(joint, kind) for kind in ("parameter", "state", "input"))
    found = jax.jit(run).lower(*given).compile().memory_analysis()
    assert found is not None
    return found.temp_size_in_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["estimates", "time", "depth"])
    parser.add_argument("what", nargs="*")
    asked = parser.parse_args()
    match asked.table:
        case "estimates":
            estimates([Path(file) for file in asked.what] or EXAMPLES)
        case "time":
            times([Path(file) for file in asked.what] or EXAMPLES)
        case _:
            depth([int(number) for number in asked.what] or [*DEPTHS])


if __name__ == "__main__":
    main()

"""What is chosen for a GPU, and the script that measures on one: at sizes for a CPU it runs to its end."""

import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from dslc import compiler
from dslc.compiler import Options
from dslc.errors.base import Problems
from dslc.ops._platform import targets
from dslc.ops._remarks import remarked
from dslc.ops.base import Context
from dslc.ops.core.linear_cross_entropy import LinearCrossEntropy
from dslc.ops.loss.cross_entropy import CrossEntropy
from dslc.summary import summarize

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("platforms, chunks", [(("cpu",), 64), (("cuda",), 2), (("cpu", "cuda", "tpu"), 64)])
def test_a_gpu_works_out_more_logits_at_a_time(platforms: tuple[str, ...], chunks: int) -> None:
    op = LinearCrossEntropy(CrossEntropy(), 128)
    x, kernel, target = jnp.zeros((8192, 4)), jnp.zeros((4, 6)), jnp.zeros(8192, jnp.int32)
    with targets(*platforms), remarked() as said:
        made = jax.make_jaxpr(lambda x: op.apply({}, x, kernel, target, ctx=Context()))(x)
    assert [equation.params["length"] for equation in made.eqns if equation.primitive.name == "scan"] == [chunks]
    assert said == ["logits are worked out for up to 4,096 rows at a time, instead of 128"] * (chunks == 2)


def test_operations_of_gpt2_are_those_of_its_layers_with_half_of_the_attention() -> None:
    setting = runpy.run_path(str(BENCHMARKS / "peers/gpt.py"))["GPT2"]
    source, problems = compiler.read(str(BENCHMARKS / "models/gpt2.net")), Problems()
    graph = compiler.graph_of(compiler.front(source, problems), Options(), problems)
    rows = setting.context
    layers = summarize(graph, source, {"batch": 1, "seq": rows}).flops / rows
    # Of scores and values the layers count all pairs, 4 operations a number; norms, gelu, softmax and sums are 2 % on top.
    counted = layers - setting.layers * 2 * rows * setting.width
    assert 0.97 < setting.flops / 3 / counted < 1


@pytest.mark.slow
def test_the_script_runs_to_its_end_on_a_cpu(tmp_path: Path) -> None:
    (tmp_path / "tinyshakespeare.txt").write_text("".join(chr(32 + n * n % 61) for n in range(4000)))
    command = [sys.executable, str(BENCHMARKS / "gpu.py"), "--tiny", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum("TFLOP/s" in line for line in lines) == 2
    assert sum("held-out loss" in line for line in lines) == 3  # after each of two stretches, and the best at the end
    if find_spec("torch") is None:
        assert sum("PyTorch is not installed" in line for line in lines) == 2
    else:
        assert sum("dslc / PyTorch" in line for line in lines) == 2

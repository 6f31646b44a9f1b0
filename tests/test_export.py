"""Programs for other machines: each train step lowers for CPUs, GPUs and TPUs, wherever it is compiled."""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from jax import export
from samples import Case, tupled

from dslc.compilation import Compilation
from dslc.compiler import Options, read
from dslc.export import PLATFORMS, exported
from dslc.ops._platform import by_platform, targets
from dslc.ops.base import OPS, Op, Sample
from dslc.source import Source
from dslc.train.generator import base_key, words_of

TESTS = Path(__file__).parent
FILES = sorted((*small.FILES, *(TESTS / "language").glob("*.net")))

CONVOLUTIONS = """net 1
model m {
  input  image: [batch, 8, 8, 1]
  output logits = image -> conv(4, 3) -> conv(4, 3, groups = 2) -> depthwise_conv(3) -> conv(4, 1) -> flatten -> dense(10)
}
train m { data = digits()  loss = (logits, label) -> cross_entropy  optimizer = sgd(lr = 1e-3)  batch = 4  steps = 3 }
"""


def compilation_of(text: str) -> Compilation:
    return Compilation(Source("m.net", text), Options())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_training_of_a_file_lowers_for_every_platform_on_this_machine(file: Path) -> None:
    programs = exported(Compilation(read(str(file)), Options()))
    assert {*programs} == {"start", "train"}
    for program in programs.values():
        assert program.platforms == PLATFORMS
        assert "stablehlo" in program.mlir_module()


def test_an_exported_run_is_the_run_that_is_compiled_here() -> None:
    compilation = compilation_of(CONVOLUTIONS)
    # Through bytes, as another program would read them.
    programs = {name: export.deserialize(bytearray(made.serialize())) for name, made in exported(compilation).items()}
    like = compilation.task.train.table.arrays
    data = {name: np.random.default_rng(0).random(array.shape).astype(array.dtype) for name, array in like.items()}
    seed, stop = words_of(7), np.int32(3)
    arrays = programs["train"].call(programs["start"].call(seed), data, seed, stop)
    loop, key = compilation.loop, base_key(7)
    carry = jax.jit(loop.run)(loop.start(key), data, key, stop)
    weights = loop.packing.unpack(carry.weights)
    assert arrays["step"] == 3
    for name, weight in weights.items():
        # The same program, but for the shape of its carry: XLA may order sums in another way.
        np.testing.assert_allclose(arrays[f"weights/{name}"], weight, atol=1e-6, err_msg=name)


def test_a_model_without_training_is_one_program() -> None:
    text = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }"
    (made,) = exported(compilation_of(text)).values()
    weights = {"dense.kernel": np.ones((4, 2), np.float32), "dense.bias": np.ones(2, np.float32)}
    outputs = made.call(weights, {}, {"x": np.full((1, 4), 2.0, np.float32)})
    assert outputs["y"].tolist() == [[9.0, 9.0]]


def test_the_way_that_fits_the_platform_is_chosen_where_the_program_runs() -> None:
    def choose(x: jax.Array) -> jax.Array:
        return by_platform(x, cpu=lambda x: x + 1.0, gpu=lambda x: x + 2.0, default=lambda x: x + 3.0)

    with targets("cuda", "cpu", "tpu"):
        made = export.export(jax.jit(choose), platforms=["cpu", "cuda", "tpu"])(jnp.zeros(()))
    assert all(f"dense<{number}.000000e+00>" in made.mlir_module() for number in (1, 2, 3))
    if jax.default_backend() == "cpu":
        assert made.call(jnp.zeros(())) == 1.0
        assert choose(jnp.zeros(())) == 1.0
    with targets("rocm"):
        assert choose(jnp.zeros(())) == 2.0
    with targets("tpu"):
        assert choose(jnp.zeros(())) == 3.0


def test_no_op_asks_for_the_device_in_another_way() -> None:
    for file in (TESTS.parent / "dslc/ops").rglob("*.py"):
        asks = re.search(r"default_backend|jax\.(local_)?devices|platform_dependent", file.read_text("utf-8"))
        assert not asks or file.name == "_platform.py", file


def test_gradients_go_through_a_choice_by_platform() -> None:
    with targets(*PLATFORMS):
        slope = jax.jit(jax.grad(lambda x: by_platform(x, cpu=lambda x: x * x, default=lambda x: x * x * 1.0)))
        assert slope(jnp.float32(3.0)) == 6.0


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in OPS if kind.apply is not Op.apply])
def test_every_op_and_its_gradient_lower_for_every_platform(kind: type[Op]) -> None:
    for sample in (sample for sample in kind.samples if isinstance(sample, Sample)):
        case = Case.of(sample)
        weights, inputs = case.draw()

        def loss(weights: Any, inputs: Any, case: Case = case) -> Any:
            outputs = tupled(case.call(weights, inputs, case.op.random))
            floats = (array for array in outputs if jnp.issubdtype(array.dtype, jnp.floating))
            return sum((jnp.sum(array.astype(jnp.float32)) for array in floats), jnp.float32(0))

        with targets(*PLATFORMS):
            made = export.export(jax.jit(jax.grad(loss, (0, 1), allow_int=True)), platforms=PLATFORMS)(weights, inputs)
        assert made.platforms == PLATFORMS

"""Micro-batches: one update from several, equal to the whole batch where the loss is a mean."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from nets import plan_of, problems_of, told
from runs import LINEAR, block, loop_of, train_text

from dslc.api import load
from dslc.errors.base import Failed
from dslc.initialize import initial
from dslc.lower import lower
from dslc.train.accumulate import averaged
from dslc.train.evaluate import Evaluation
from dslc.train.generator import base_key, fold
from dslc.train.program import START
from dslc.train.task import on_device

DEEP = """model m {
  input  features: [batch, 4]
  output logits = features -> dense(8) -> layer_norm -> tanh -> repeat 3 { dense(8) -> tanh } -> dense(3)
}
"""
NORMED = "model m { input features: [batch, 4]  output logits = features -> dense(8) -> batch_norm -> dropout(0.5) -> dense(3) }\n"


def ends(text: str, steps: int) -> dict[str, Any]:
    """Weights and the sum of losses after some steps."""
    loop = loop_of(text)
    key, data = base_key(loop.task.plan.seed), on_device(loop.task.train)
    carry = jax.jit(loop.run)(jax.jit(loop.start)(key), data, key, np.int32(steps))
    return {**loop.packing.unpack(carry.weights), "loss": carry.sums["loss"]}


@pytest.mark.parametrize("more", ["", "clip = 0.1", "l2 = 0.1", 'group "*.bias" { lr = 0.1 }'])
def test_micro_batches_take_the_steps_of_the_whole_batch(more: str) -> None:
    settings = f"optimizer = sgd(lr = 0.2, momentum = 0.9)  batch = 24  {more}"
    whole, parts = ends(DEEP + block(settings), 12), ends(DEEP + block(f"{settings}  accumulate = 6"), 12)
    for name, array in whole.items():
        # float32, and sums in another order over twelve steps.
        np.testing.assert_allclose(parts[name], array, rtol=2e-4, atol=2e-5, err_msg=name)


def test_outputs_are_averaged_and_states_handed_on_from_part_to_part() -> None:
    loop = loop_of(NORMED + block("batch = 24  accumulate = 3"))
    program = loop.updates[0].program
    weights, state = initial(loop.task.plan.graph, fold(base_key(0), START))
    fields, key = loop.batch(0, on_device(loop.task.train), np.arange(120, dtype=np.int32), base_key(0)), base_key(5)
    found, after = averaged(program, 3, weights, state, fields, key)
    expected: dict[str, Any] = {}
    for number in range(3):
        part = {name: field[8 * number : 8 * number + 8] for name, field in fields.items()}
        outputs, state = program(weights, state, part, training=True, key=fold(key, number))
        expected = {name: expected.get(name, 0.0) + np.asarray(output) / 3 for name, output in outputs.items()}
    for name, array in expected.items():
        # float32, compiled and not.
        np.testing.assert_allclose(found[name], array, rtol=1e-4, atol=1e-6, err_msg=name)
    for name, array in state.items():
        np.testing.assert_allclose(after[name], array, rtol=1e-5, atol=1e-7, err_msg=name)


def test_one_micro_batch_is_in_memory_at_a_time() -> None:
    loop = loop_of(DEEP + block("batch = 24  accumulate = 6"))
    shapes = {node.name: node.type.shape for node in loop.updates[0].program.graph.sources("input")}
    assert shapes["features"] == (4, 4)


def test_measuring_gives_the_same_numbers(tmp_path: Path) -> None:
    found: list[dict[str, Any]] = []
    for more in ("", "accumulate = 4"):
        loop = loop_of(LINEAR + block(f"batch = 24  {more}  metrics = [accuracy]"))
        part = loop.task.held_out["test"]
        weights, state = initial(loop.task.plan.graph, base_key(0))
        evaluation = Evaluation(loop.task, part)
        found.append(evaluation.values(evaluation.run(weights, state, on_device(part), base_key(0))))
    assert found[0]["accuracy"] == found[1]["accuracy"]
    # A mean over 30 rows, summed in other parts.
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-6)


def test_numbers_that_are_not_finite_are_traced_in_micro_batches(tmp_path: Path) -> None:
    text = LINEAR + block(
        "optimizer = sgd(lr = 1.0, momentum = 0.9)  batch = 24  accumulate = 3  l2 = 30.0  epochs = 100"
    )
    with pytest.raises(Failed) as caught:
        train_text(text, tmp_path / "run")
    assert [problem.code for problem in caught.value.problems.errors] == ["E0422"]


def test_a_step_of_the_python_interface_accumulates_too(tmp_path: Path) -> None:
    text = "net 1\n" + DEEP + block("optimizer = sgd(lr = 0.5)  batch = 24")
    models: list[Any] = []
    for name, more in (("a.net", "24"), ("b.net", "24  accumulate = 4")):
        (tmp_path / name).write_text(text.replace("batch = 24", f"batch = {more}"))
        models.append(load(str(tmp_path / name), None, None, {}, {}, ()))
    rng = np.random.default_rng(0)
    batch = {"features": rng.normal(size=(24, 4)).astype(np.float32), "label": rng.integers(0, 3, 24).astype(np.int32)}
    made = [one.train_step(one.init(0), one.optimizer().init(one.init(0)["weights"]), batch)[0] for one in models]
    for name, array in made[0]["weights"].items():
        # One step in float32.
        np.testing.assert_allclose(made[1]["weights"][name], array, rtol=1e-5, atol=1e-6, err_msg=name)
    with pytest.raises(ValueError, match="do not divide"):
        models[1].train_step(models[1].init(0), None, {name: array[:22] for name, array in batch.items()})


def test_micro_batches_divide_the_batch() -> None:
    for settings in ("batch = 24  accumulate = 5", "accumulate = 3", "accumulate = 0"):
        problems = problems_of(LINEAR + block(settings))
        assert [problem.code for problem in problems] == ["E0410"], [told(problem) for problem in problems]
    assert plan_of(LINEAR + block("batch = 24  accumulate = 6")).rows == 4


def test_the_graph_of_a_micro_batch_is_what_is_lowered() -> None:
    loop = loop_of(LINEAR + block("batch = 24  accumulate = 6"))
    assert (
        lower(loop.task.joint(loop.task.plan.updates[0])).graph.nodes.keys()
        == loop.updates[0].program.graph.nodes.keys()
    )

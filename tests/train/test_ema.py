"""Means of the weights: how they move, and that they are what is measured and saved."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from nets import problems_of, told
from runs import LINEAR, block, loop_of, same_weights, train_text, weights_of

from dslc.train.checkpoint import Checkpoints
from dslc.train.ema import MEAN, shown
from dslc.train.generator import base_key
from dslc.train.task import on_device

DEEP = """model m {
  input  features: [batch, 4]
  output logits = features -> dense(8) -> batch_norm -> repeat 3 { dense(8) -> tanh } as blocks -> dense(3)
}
"""
SETTINGS = "optimizer = adam(lr = 0.05)  batch = 24  epochs = 3  ema = 0.8  "


def test_a_mean_moves_by_its_share_of_the_way_in_each_step() -> None:
    loop = loop_of(DEEP + block(SETTINGS + 'group "dense.*" { frozen = true }'))
    key, data = base_key(0), on_device(loop.task.train)
    carry, run = jax.jit(loop.start)(key), jax.jit(loop.run)
    weights = loop.packing.unpack(carry.weights)
    means = {name: np.asarray(array, np.float64) for name, array in weights.items() if not name.startswith("dense.")}
    for step in range(8):
        carry = run(carry, data, key, np.int32(step + 1))
        weights = loop.packing.unpack(carry.weights)
        means = {name: 0.8 * mean + 0.2 * np.asarray(weights[name], np.float64) for name, mean in means.items()}
    assert {name for name in carry.state if name.endswith(MEAN)} == {name + MEAN for name in means}
    measured, state = shown(weights, carry.state)
    assert state.keys() == {"batch_norm.mean", "batch_norm.var"}
    assert measured.keys() == weights.keys()
    for name, mean in means.items():
        # Eight steps in float32.
        np.testing.assert_allclose(measured[name], mean, rtol=1e-5, atol=1e-6, err_msg=name)


def test_training_itself_is_untouched() -> None:
    ends: list[Any] = []
    for settings in (SETTINGS, SETTINGS.replace("ema = 0.8", "")):
        loop = loop_of(DEEP + block(settings))
        key, data = base_key(0), on_device(loop.task.train)
        carry = jax.jit(loop.run)(jax.jit(loop.start)(key), data, key, np.int32(9))
        ends.append(loop.packing.unpack(carry.weights))
    for name, array in ends[0].items():
        # The same steps in programs that XLA fuses differently.
        np.testing.assert_allclose(ends[1][name], array, rtol=1e-4, atol=1e-6, err_msg=name)


def test_means_are_measured_and_saved_and_the_weights_stay_in_the_checkpoint(tmp_path: Path) -> None:
    result = train_text(DEEP + block(SETTINGS + "metrics = [accuracy]"), tmp_path / "run")
    kept = Checkpoints(tmp_path / "run" / "checkpoints").newest(str)
    assert kept is not None
    saved = weights_of(tmp_path / "run")
    assert not any(MEAN in name for name in saved)
    np.testing.assert_array_equal(saved["dense.kernel"], kept.arrays[f"state/dense.kernel{MEAN}"])
    np.testing.assert_array_equal(saved["blocks.1.dense.kernel"], kept.arrays[f"state/blocks.*.dense.kernel{MEAN}"][1])
    assert not np.array_equal(saved["dense.kernel"], kept.arrays["weights/dense.kernel"])
    # What was measured is what a run of no steps from the saved weights measures.
    still = SETTINGS.replace("epochs = 3", "steps = 1").replace("adam(lr = 0.05)", "sgd(lr = 0.0)")
    frozen = DEEP.replace("-> batch_norm ", "")
    first = train_text(frozen + block(SETTINGS), tmp_path / "first")
    again = train_text(frozen + block(still + 'start = "first"'), tmp_path / "again")
    assert again.values["test"]["loss"] == pytest.approx(first.values["test"]["loss"], rel=1e-6)
    assert result.values["test"]["accuracy"] > 0.5


def test_means_start_from_the_weights_that_training_starts_from(tmp_path: Path) -> None:
    train_text(LINEAR + block("epochs = 2"), tmp_path / "first")
    train_text(LINEAR + block('start = "first"  optimizer = sgd(lr = 0.0)  steps = 1  ema = 0.5'), tmp_path / "second")
    assert same_weights(tmp_path / "first", tmp_path / "second")


@pytest.mark.parametrize("value", ["0", "1", "1.5", "-0.1"])
def test_a_share_lies_between_nothing_and_all(value: str) -> None:
    problems = problems_of(LINEAR + block(f"ema = {value}"))
    assert [problem.code for problem in problems] == ["E0410"], [told(problem) for problem in problems]

"""Training in 16 bits: what it reaches, the factor of the loss, checkpoints, and the use of what was trained."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from nets import plan_of
from runs import Notes, block, loop_of, same_weights, train_text

import dslc
from dslc.train.folder import RunFolder
from dslc.train.generator import base_key
from dslc.train.program import Carry, Loop
from dslc.train.scaling import FIRST, GROWS_AFTER, SCALE, Scaled, scaling
from dslc.train.task import on_device
from dslc.trained.evaluate import evaluate
from dslc.trained.predict import predict
from dslc.trained.run import open_run

MLP = "model m { input image: [batch, 8, 8, 1]  output logits = image -> flatten -> dense(64) -> relu -> dense(10) }\n"
CONV = """model m {
  input  image: [batch, 8, 8, 1]
  output logits = image -> repeat 2 { conv(16, 3) -> batch_norm -> relu } -> global_avg_pool -> dense(10)
}
"""
GPT = """model m {
  input  tokens: i32[batch, seq]
  output logits = ((tokens -> embedding(28, 32)) + (range(16) -> embedding(16, 32)))
    -> repeat 2 { residual { layer_norm -> attention(4, causal = true) } -> residual { layer_norm -> dense(64) -> gelu -> dense(32) } }
    -> layer_norm -> dense(28)
}
"""
DIGITS = "digits() -> split(0.8, 0.2) -> scale(0, 1)"
SENTENCE = "the quick brown fox jumps over the lazy dog and then sleeps all day. "
DEEP = "model m { input features: [batch, 4]  output logits = features -> dense(16, bias = false) -> batch_norm -> relu -> dense(3) }\n"


def floats(settings: str, precision: str) -> str:
    return f'{settings}  precision = "{precision}"'


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_a_dense_network_learns_as_well_as_in_float32(precision: str, tmp_path: Path) -> None:
    settings = "epochs = 8  metrics = [accuracy]"
    reached = [
        train_text(MLP + block(floats(settings, name), DIGITS), tmp_path / name).values["test"]
        for name in ("f32", precision)
    ]
    # 360 rows are tested: four of them may go the other way.
    assert reached[1]["accuracy"] == pytest.approx(reached[0]["accuracy"], abs=4 / 360)
    assert reached[1]["loss"] == pytest.approx(reached[0]["loss"], rel=0.05)
    assert reached[1]["accuracy"] > 0.9


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_a_network_of_convolutions_and_batch_norms_learns_as_well_as_in_float32(precision: str, tmp_path: Path) -> None:
    # A rate that falls to zero: with one that stays, where a run ends hangs on how it rounds, by ten rows and more.
    settings = "epochs = 5  metrics = [accuracy]  optimizer = adam(lr = cosine(1e-2))"
    reached = [
        train_text(CONV + block(floats(settings, name), DIGITS), tmp_path / name).values["test"]
        for name in ("f32", precision)
    ]
    # 360 rows are tested: over four seeds two of them went the other way at most.
    assert reached[1]["accuracy"] == pytest.approx(reached[0]["accuracy"], abs=6 / 360)
    assert reached[1]["accuracy"] > 0.9


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_a_small_gpt_learns_as_well_as_in_float32(precision: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(SENTENCE * 60, "utf-8")
    settings = "steps = 150  batch = 16  optimizer = adam(lr = 3e-3)"
    data, loss = 'text("text.txt", context = 16) -> split(0.9, 0.1)', "loss = (logits, target) -> cross_entropy"
    reached = [
        train_text(text, tmp_path / name, plan=plan_of(text, data=(tmp_path,))).values["test"]["loss"]
        for name in ("f32", precision)
        for text in (GPT + block(floats(settings, name), data, loss),)
    ]
    # Near 3.3 at the start.
    assert reached[0] < 1.0
    assert reached[1] == pytest.approx(reached[0], abs=0.1)


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_a_run_that_was_interrupted_goes_on_bit_for_bit(precision: str, tmp_path: Path) -> None:
    settings = floats("batch = 20  seed = 3", precision)
    whole = train_text(DEEP + block(f"{settings}  epochs = 4"), tmp_path / "whole")
    train_text(DEEP + block(f"{settings}  epochs = 2"), tmp_path / "parts")
    notes = Notes()
    parts = train_text(DEEP + block(f"{settings}  epochs = 4"), tmp_path / "parts", resume=True, display=notes)
    assert whole.step == parts.step
    assert same_weights(whole.folder, parts.folder)
    assert not [note for note in notes.notes if "precision" in note]


# The factor of the loss.


def started(text: str) -> tuple[Loop, Carry, Any, Any]:
    loop = loop_of(text)
    key = base_key(loop.task.plan.seed)
    return loop, jax.jit(loop.start)(key), on_device(loop.task.train), key


def with_scale(carry: Carry, scale: float) -> Carry:
    (kept,) = carry.optimizer
    return carry._replace(optimizer=(kept._replace(scale=jnp.float32(scale)),))


def test_gradients_that_overflow_halve_the_factor_and_change_nothing_else() -> None:
    loop, carry, data, key = started(DEEP + block(floats("batch = 20", "f16")))
    begun = with_scale(carry, 2.0**40)
    after = jax.jit(loop.run)(begun, data, key, np.int32(1))
    assert bool(after.fine)
    assert int(after.step) == 1
    (kept,) = after.optimizer
    assert float(kept.scale) == 2.0**39
    for before, now in (
        (begun.weights, after.weights),
        (begun.state, after.state),
        (begun.optimizer[0].inner, kept.inner),
    ):
        assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), before, now))
    # It comes down to where the gradients fit, and training goes on.
    later = jax.jit(loop.run)(begun, data, key, np.int32(60))
    assert float(later.optimizer[0].scale) < 2.0**30
    assert not jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), begun.weights, later.weights))


def test_gradients_that_overflow_by_themselves_stop_the_run() -> None:
    # The gradient by the first kernel is above 65,504, the largest float16, at a factor of 1.
    loss = "loss = ((logits, label) -> cross_entropy) * 1e9"
    loop, carry, data, key = started(DEEP + block(floats("batch = 20", "f16"), loss=loss))
    after = jax.jit(loop.run)(carry, data, key, np.int32(100))
    assert not bool(after.fine)
    # Halved from the first factor to 1, once a step.
    assert int(after.step) == int(np.log2(FIRST))


def test_the_factor_doubles_after_so_many_good_steps() -> None:
    rule = scaling(optax.sgd(0.1))
    weights = {"w": jnp.ones(2)}
    kept: Any = rule.init(weights)
    good, bad = {"w": jnp.ones(2)}, {"w": jnp.asarray([1.0, jnp.inf])}
    kept = kept._replace(good=jnp.int32(GROWS_AFTER - 2))
    _, kept = rule.update(good, kept, weights)
    assert (float(kept.scale), int(kept.good)) == (FIRST, GROWS_AFTER - 1)
    _, kept = rule.update(good, kept, weights)
    assert (float(kept.scale), int(kept.good)) == (2 * FIRST, 0)
    _, kept = rule.update(good, kept, weights)
    changes: Any
    changes, kept = rule.update(bad, kept, weights)
    assert (float(kept.scale), int(kept.good)) == (FIRST, 0)
    assert not np.any(changes["w"])
    assert isinstance(kept, Scaled)


def test_small_gradients_are_lost_in_float16_without_the_factor_and_kept_with_it() -> None:
    # Slopes near 1e-9, below the smallest float16, 6e-8.
    loss = "loss = ((logits, label) -> cross_entropy) * 1e-8"
    found: dict[float, Any] = {}
    for scale in (1.0, 2.0**24):
        loop, carry, data, key = started(MLP + block(floats("batch = 20", "f16"), DIGITS, loss))
        (changing,) = loop.updates
        weights = loop.packing.unpack(carry.weights)
        fields = loop.task.train.table.gather(data, jnp.arange(20))
        outputs, _ = changing.program(weights, {SCALE: jnp.float32(scale)}, fields, training=True, key=key)
        found[scale] = np.asarray(outputs["gradient of dense.kernel"], np.float64) / scale
    plain = loop_of(MLP + block("batch = 20", DIGITS, loss)).updates[0].program
    wanted = np.asarray(plain(weights, {}, fields, training=True, key=key)[0]["gradient of dense.kernel"], np.float64)
    norm = np.linalg.norm(wanted)
    assert norm > 0
    # Rounded away to zeros, but for a few.
    assert np.linalg.norm(found[1.0] - wanted) > 0.9 * norm
    # Eleven bits for each factor of a product, and for the sums of activations before it.
    assert np.linalg.norm(found[2.0**24] - wanted) < 0.01 * norm


def test_the_factor_is_in_checkpoints(tmp_path: Path) -> None:
    result = train_text(DEEP + block(floats("batch = 20  epochs = 2", "f16")), tmp_path / "run")
    checkpoint = RunFolder(result.folder).checkpoints.read(result.step)
    assert float(checkpoint.arrays["optimizer/0/scale"]) == FIRST
    assert int(checkpoint.arrays["optimizer/0/good"]) == result.step


# What was trained is used in the floats that it was trained in.


def test_a_run_is_measured_and_asked_in_its_own_floats(tmp_path: Path) -> None:
    text = MLP + block(floats("epochs = 2  metrics = [accuracy]", "bf16"), DIGITS)
    result = train_text(text, tmp_path / "run", options={"file": str(tmp_path / "m.net"), **ASKED})
    run = open_run(result.folder)
    assert run.precision == "bf16"
    assert evaluate(run)["test"] == result.values["test"]
    np.savez(tmp_path / "rows.npz", image=np.random.default_rng(0).uniform(0, 1, (3, 8, 8, 1)).astype(np.float32))
    low = predict(run, tmp_path / "rows.npz")
    wide = predict(replace(run, config={**run.config, "precision": "f32"}), tmp_path / "rows.npz")
    shares = [[list(row["probabilities"].values()) for row in rows] for rows in (low, wide)]
    assert shares[0] != shares[1]
    # Eight bits, through two layers.
    np.testing.assert_allclose(shares[0], shares[1], atol=0.02)


ASKED: dict[str, Any] = {"model": None, "variant": None, "settings": {}, "dims": {}, "data": [], "seed": None}


@pytest.mark.parametrize("precision", ["bf16", "f16"])
def test_a_model_for_python_computes_in_the_floats_of_its_train_block(precision: str, tmp_path: Path) -> None:
    file = tmp_path / "m.net"
    file.write_text("net 1\n" + MLP + block(floats("batch = 20", precision), DIGITS), "utf-8")
    model, plain = dslc.load(str(file)), dslc.load(str(file), settings={"precision": '"f32"'})
    assert (model.precision, plain.precision) == (precision, "f32")
    params = model.init(0)
    batch = {
        "image": np.random.default_rng(0).uniform(0, 1, (20, 8, 8, 1)).astype(np.float32),
        "label": np.arange(20, dtype=np.int32) % 10,
    }
    low, wide = (one.apply(params, batch["image"])["logits"] for one in (model, plain))
    assert low.dtype == jnp.float32
    dtype = {"bf16": jnp.bfloat16, "f16": jnp.float16}[precision]
    assert (low == low.astype(dtype).astype(jnp.float32)).all()
    # Eight bits at least, through two layers.
    np.testing.assert_allclose(low, wide, atol=0.02)
    kept, before = model.optimizer().init(params["weights"]), float(model.loss(params, batch))
    step = jax.jit(model.train_step)
    for _ in range(30):
        params, kept, _ = step(params, kept, batch)
    assert float(model.loss(params, batch)) < 0.7 * before
    assert {str(array.dtype) for array in params["weights"].values()} == {"float32"}

"""The Python API: pure functions that behave as `dslc train` does."""

from html import unescape
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import dslc
from dslc.bind import Unfit
from dslc.schedules.base import Length

TEXT = """\
net 1
model mlp(hidden = 8, rate = 0.0) {
  input  features: [batch, 4]
  output logits = features -> dense(hidden) -> batch_norm -> relu -> dropout(rate) -> dense(3)
}
variant wide of mlp(hidden = 32)
model two { input a: [batch, 2]  input b: [batch, 3]  output total = (a -> dense(1)) + (b -> dense(1))  output first = a }
train mlp {
  data      = iris()
  loss      = (logits, label) -> cross_entropy
  optimizer = adam(lr = 0.01)
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mlp.net"
    path.write_text(TEXT)
    return path


def batch(rows: int = 12) -> dict[str, jax.Array]:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, 4)).astype(np.float32)
    return {"features": jnp.asarray(features), "label": jnp.asarray(generator.integers(0, 3, rows), jnp.int32)}


def test_the_public_names_are_these():
    assert set(dslc.__all__) == {"FileHasErrors", "Model", "__version__", "load", "plugin"}
    assert all(getattr(dslc, name) is not None for name in dslc.__all__)
    with pytest.raises(AttributeError):
        _ = dslc.nothing  # type: ignore[attr-defined]


def test_a_model_computes_what_its_layers_say(file: Path):
    model = dslc.load(file, settings={"hidden": 5})
    params = model.init(jax.random.key(3))
    weights, state = (
        {name: np.asarray(array) for name, array in params[part].items()} for part in ("weights", "state")
    )
    x = batch()["features"]
    given = model.apply(params, {"features": x})["logits"]
    hidden = np.asarray(x) @ weights["dense.kernel"] + weights["dense.bias"]
    norm = (hidden - state["batch_norm.mean"]) / np.sqrt(state["batch_norm.var"] + 1e-5)
    after = np.maximum(norm * weights["batch_norm.scale"] + weights["batch_norm.bias"], 0.0)
    # float32 against NumPy's float32: seven digits, less what two sums round.
    np.testing.assert_allclose(given, after @ weights["dense_2.kernel"] + weights["dense_2.bias"], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.apply(params, x)["logits"], given)


def test_first_values_follow_the_key_alone(file: Path):
    model = dslc.load(file)
    one, same, other = (model.init(key) for key in (jax.random.key(1), 1, 2))
    assert jax.tree.all(jax.tree.map(jnp.array_equal, one, same))
    assert not jnp.array_equal(one["weights"]["dense.kernel"], other["weights"]["dense.kernel"])
    assert model.parameters == sum(array.size for array in one["weights"].values())


def test_training_mode_gives_the_next_state_and_draws_by_the_key(file: Path):
    model = dslc.load(file, settings={"rate": 0.5})
    params, x = model.init(0), batch()["features"]
    outputs, state = model.apply(params, x, train=True, key=jax.random.key(1))
    again, _ = model.apply(params, x, train=True, key=jax.random.key(1))
    other, _ = model.apply(params, x, train=True, key=jax.random.key(2))
    assert jnp.array_equal(outputs["logits"], again["logits"])
    assert not jnp.array_equal(outputs["logits"], other["logits"])
    assert set(state) == set(params["state"])
    assert not jnp.array_equal(state["batch_norm.mean"], params["state"]["batch_norm.mean"])


def test_a_step_is_the_gradient_of_the_loss_through_the_optimizer(file: Path):
    model = dslc.load(file)
    params, fields, key = model.init(0), batch(), jax.random.key(5)
    optimizer = model.optimizer().init(params["weights"])
    after, _, values = jax.jit(model.train_step)(params, optimizer, fields, key)

    def loss(weights: dict[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array]]:
        return model.loss({**params, "weights": weights}, fields, train=True, key=key)

    (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(params["weights"])
    rule = optax.adam(0.01)
    with jax.numpy_dtype_promotion("standard"):  # Optax's own mixes integers and floats
        updates, _ = rule.update(gradients, rule.init(params["weights"]))
    expected = optax.apply_updates(params["weights"], updates)
    np.testing.assert_allclose(values["loss"], value, rtol=1e-6)  # one float32 sum in two orders
    for name, weight in after["weights"].items():
        # The first step of Adam is lr * g / |g|: where g is nothing but rounding, so is its sign.
        sure = np.abs(gradients[name]) > 1e-6
        np.testing.assert_allclose(np.asarray(weight)[sure], np.asarray(expected[name])[sure], rtol=1e-4, atol=1e-6)
    for name, array in after["state"].items():
        np.testing.assert_allclose(array, state[name], rtol=1e-6)


def test_steps_lower_the_loss(file: Path):
    model = dslc.load(file)
    params, fields = model.init(0), batch()
    optimizer, step = model.optimizer().init(params["weights"]), jax.jit(model.train_step)
    losses = []
    for number in range(60):
        params, optimizer, values = step(params, optimizer, fields, jax.random.key(number))
        losses.append(float(values["loss"]))
    assert losses[-1] < 0.5 * losses[0]


def test_functions_can_be_mapped_and_compiled(file: Path):
    model = dslc.load(file)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 3))
    x = batch()["features"]
    outputs = jax.jit(jax.vmap(lambda one: model.apply(one, x)["logits"]))(params)
    assert outputs.shape == (3, 12, 3)
    alone = model.apply(jax.tree.map(lambda array: array[1], params), x)["logits"]
    np.testing.assert_allclose(outputs[1], alone, rtol=1e-5, atol=1e-6)  # a batched product may sum in another order


def test_models_and_variants_are_chosen_by_name(file: Path):
    assert dslc.load(file).name == "mlp"
    assert dslc.load(file, variant="wide").parameters == 4 * 32 + 32 + 2 * 32 + 32 * 3 + 3
    two = dslc.load(file, "two")
    a, b = jnp.ones((5, 2)), jnp.ones((5, 3))
    outputs = two.apply(two.init(0), {"a": a, "b": b})
    assert {name: array.shape for name, array in outputs.items()} == {"total": (5, 1), "first": (5, 2)}
    assert repr(two) == "<Model two: a [batch, 2], b [batch, 3] -> total [batch, 1], first [batch, 2], 7 weights>"


def test_inputs_that_do_not_fit_are_refused(file: Path):
    model, two = dslc.load(file), dslc.load(file, "two")
    with pytest.raises(Unfit, match="axis 1 of input `features` has size 4"):
        model.apply(model.init(0), jnp.ones((2, 5)))
    with pytest.raises(KeyError, match="takes the inputs a, b"):
        two.apply(two.init(0), jnp.ones((2, 2)))
    with pytest.raises(KeyError, match="no field 'label'"):
        model.loss(model.init(0), {"features": jnp.ones((2, 4))})


def test_errors_of_a_file_come_as_one_exception(file: Path, tmp_path: Path):
    (tmp_path / "bad.net").write_text(TEXT.replace("relu", "rellu"))
    with pytest.raises(
        dslc.FileHasErrors, match=r"error\[E0201\]: there is no layer or block called `rellu`"
    ) as caught:
        dslc.load(tmp_path / "bad.net")
    assert "did you mean `relu`?" in str(caught.value)
    assert [problem.code for problem in caught.value.problems] == ["E0201"]
    with pytest.raises(dslc.FileHasErrors, match="E0501"):
        dslc.load(tmp_path / "gone.net")
    with pytest.raises(dslc.FileHasErrors, match="has no setting `hiden`"):
        dslc.load(file, settings={"hiden": 3})
    with pytest.raises(dslc.FileHasErrors, match="no dimension is called `bacth`"):
        dslc.load(file, dims={"bacth": 3})
    with pytest.raises(dslc.FileHasErrors, match="there is no train block called `two`"):
        _ = dslc.load(file, "two").plan


def test_a_schedule_knows_the_length_of_the_run(tmp_path: Path):
    path = tmp_path / "mlp.net"
    path.write_text(TEXT.replace("adam(lr = 0.01)", "sgd(lr = cosine(0.1))"))
    model = dslc.load(path)
    params, fields, run = model.init(0), batch(), Length(10, 10)
    first = model.optimizer(run).init(params["weights"])
    after, _, _ = model.train_step(params, first, fields, run=run)
    gradient = jax.grad(lambda weights: model.loss({**params, "weights": weights}, fields, train=True)[0])(
        params["weights"]
    )
    moved = np.asarray(after["weights"]["dense_2.bias"] - params["weights"]["dense_2.bias"])
    # The first rate of a cosine is its peak.
    np.testing.assert_allclose(moved, -0.1 * np.asarray(gradient["dense_2.bias"]), rtol=1e-4, atol=1e-7)


def test_a_summary_is_at_hand(file: Path):
    found = dslc.load(file).summary(batch=2)
    assert found.parameters == 4 * 8 + 8 + 2 * 8 + 8 * 3 + 3
    assert found.dims == {"batch": 2}


def test_a_notebook_shows_the_page_of_the_viewer(file: Path):
    shown = dslc.load(file)._repr_html_()
    assert shown.startswith('<iframe srcdoc="')
    page = unescape(shown.split('"')[1])
    assert page.lower().startswith("<!doctype html>")
    assert "dense_2" in page

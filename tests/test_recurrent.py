"""Recurrent layers in whole graphs: against cells that the language scans, and gradients of the graph against JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of, parameters, problems_of, told

from dslc.bind import bind, dims_of
from dslc.differentiate import differentiate, gradient_name
from dslc.lower import lower

pytestmark = pytest.mark.usefixtures("float64")

BATCH, TIME, FEATURES = 3, 7, 4
# Both work in float64 (1e-16) and add a few thousand numbers.
BOUND = 1e-11

CELLS = """
block gru_step(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  output new = (x, h) -> gru_cell(units)
  next   h = new
}
block lstm_step(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  carry  c_: [batch, units] = zeros
  new, cell = (x, h, c_) -> lstm_cell(units)
  next   h = new
  next   c_ = cell
  output new
}
"""
LAYERS = {
    "gru": ("x -> gru(5)", "x -> scan { gru_step(5) }"),
    "lstm": ("x -> lstm(5)", "x -> scan { lstm_step(5) }"),
    "both ways": ("x -> bidirectional { gru(5) }", "x -> bidirectional { scan { gru_step(5) } }"),
    "reverse": ("x -> lstm(5, reverse = true)", "x -> scan(reverse = true) { lstm_step(5) }"),
}


def run(body: str, weights: list[np.ndarray] | None, x: np.ndarray) -> tuple[list[np.ndarray], float, list[np.ndarray]]:
    """The weights (drawn where none are given), the loss of a model and the gradients by the weights, in one order."""
    graph = graph_of(
        f"{CELLS} model m {{ input x: [batch, time, c]  output loss = {body} -> sin -> sum }}", dims={"c": FEATURES}
    )
    graph = bind(graph, dims_of(graph, {"x": x.shape}))
    names = [*parameters(graph)]
    if weights is None:
        rng = np.random.default_rng(0)
        weights = [rng.standard_normal(shape) / 2 for shape in parameters(graph).values()]
    given = {name: jnp.asarray(array) for name, array in zip(names, weights, strict=True)}
    made = lower(differentiate(graph, "loss", names))(given, {}, {"x": jnp.asarray(x)})[0]
    wanted = jax.grad(lambda given: lower(graph)(given, {}, {"x": jnp.asarray(x)})[0]["loss"])(given)
    found = [np.asarray(made[gradient_name(name)]) for name in names]
    for name, gradient in zip(names, found, strict=True):
        assert np.linalg.norm(gradient - wanted[name]) <= BOUND * np.linalg.norm(wanted[name]), name
    return weights, float(made["loss"]), found


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_scans_of_their_cells(name: str) -> None:
    x = np.random.default_rng(1).standard_normal((BATCH, TIME, FEATURES))
    layer, scanned = LAYERS[name]
    weights, loss, gradients = run(layer, None, x)
    _, same, others = run(scanned, weights, x)
    assert loss == pytest.approx(same, rel=BOUND)
    for one, other in zip(gradients, others, strict=True):
        assert np.linalg.norm(one - other) <= BOUND * np.linalg.norm(one)


def test_masks_and_start_states_go_in_by_name() -> None:
    graph = graph_of(
        """model m {
             input  tokens: i32[batch, time]
             input  before: [batch, 6]
             seen   = tokens != 0
             output y = (tokens -> embedding(9, 3), seen, start = before) -> lstm(6) -> (it, mask = seen) -> last
           }"""
    )
    assert str(graph.type(graph.outputs["y"])) == "[batch, 6]"
    assert sum(np.prod(shape) for name, shape in parameters(graph).items() if "lstm" in name) == 4 * 6 * (3 + 6 + 1)


def test_a_mask_of_numbers_is_refused_with_a_way_out() -> None:
    (problem,) = problems_of(
        "model m { input x: [batch, time, 3]  input seen: [batch, time]  output y = (x, mask = seen) -> gru(4) }"
    )
    assert "`mask` is [batch, time] where bool[batch, time] is needed" in told(problem)
    assert "compare it" in told(problem)


def test_each_direction_ends_with_its_own_last_step() -> None:
    inside = graph_of("model m { input x: [batch, time, 3]  output y = x -> bidirectional { gru(4) -> last } }")
    assert str(inside.type(inside.outputs["y"])) == "[batch, 8]"
    inside = bind(inside, {"batch": 2, "time": 5})
    rng = np.random.default_rng(3)
    weights = {name: jnp.asarray(rng.standard_normal(shape)) for name, shape in parameters(inside).items()}
    x = rng.standard_normal((2, 5, 3))
    found = lower(inside)(weights, {}, {"x": jnp.asarray(x)})[0]["y"]
    whole = graph_of("model m { input x: [batch, time, 3]  output y = x -> bidirectional { gru(4) } }")
    steps = lower(bind(whole, {"batch": 2, "time": 5}))(weights, {}, {"x": jnp.asarray(x)})[0]["y"]
    # The way back ends at the first step of the sequence.
    np.testing.assert_array_equal(found, jnp.concatenate([steps[:, -1, :4], steps[:, 0, 4:]], -1))

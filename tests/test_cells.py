"""Cells and scans, `param`, `state`, `frozen`, `remat` and `bidirectional`: what they compute, and what is refused."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of, parameters, plan_of, problems_of, told
from safetensors.numpy import load_file

from dslc.bind import bind, dims_of
from dslc.data.folders import Folders
from dslc.differentiate import differentiate, gradient_name
from dslc.graph import Graph
from dslc.initialize import initial
from dslc.lower import lower
from dslc.source import Source
from dslc.train import session

ROUNDING = 1e-12  # sums of some hundred terms in float64, relative to the largest of them
ELMAN = """
block elman(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  output new = (x -> dense(units)) + (h -> dense(units, bias = false)) -> tanh
  next   h = new
}
"""


@pytest.fixture(autouse=True)
def _wide():
    with jax.enable_x64(True):
        yield


def ready(text: str, **inputs: object) -> tuple[Graph, dict[str, object], dict[str, object]]:
    """A graph bound to the shapes of its inputs, and first weights in float64, moved away from zero."""
    graph = graph_of(text)
    graph = bind(graph, dims_of(graph, {name: np.shape(array) for name, array in inputs.items()}))
    weights, state = initial(graph, jax.random.key(0))
    wide = {name: array.astype(jnp.float64) + 0.1 for name, array in weights.items()}
    return graph, wide, {name: array.astype(jnp.float64) for name, array in state.items()}


def gradients(graph: Graph, weights: object, state: object, inputs: object, of: str, **how: object):
    """Gradients from the backward graph, and from JAX."""
    made = lower(differentiate(graph, of, tuple(weights)))(weights, state, inputs, **how)[0]  # type: ignore[arg-type]
    wanted = jax.grad(lambda weights: lower(graph)(weights, state, inputs, **how)[0][of])(weights)  # type: ignore[arg-type]
    return {name: made[gradient_name(name)] for name in wanted}, wanted


def same(made: dict[str, object], wanted: dict[str, object], bound: float = ROUNDING) -> None:
    assert set(made) == set(wanted)
    for name, right in wanted.items():
        scale = max(1.0, float(np.abs(np.asarray(right)).max()))
        assert np.abs(np.asarray(made[name]) - np.asarray(right)).max() <= bound * scale, name


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape)


def test_a_scan_runs_its_cell_over_the_time():
    text = ELMAN + "model m { input x: [batch, time, 3]  output y = x -> scan { elman(4) } }"
    x = draw(2, 5, 3)
    graph, weights, _ = ready(text, x=x)
    assert {name: w.shape for name, w in weights.items()} == {
        "elman.dense.kernel": (3, 4), "elman.dense.bias": (4,), "elman.dense_2.kernel": (4, 4)}  # fmt: skip
    found = lower(graph)(weights, {}, {"x": x})[0]["y"]
    weights = {name: np.asarray(weight) for name, weight in weights.items()}
    h, rows = np.zeros((2, 4)), []
    for t in range(5):
        h = np.tanh(
            x[:, t] @ weights["elman.dense.kernel"] + weights["elman.dense.bias"] + h @ weights["elman.dense_2.kernel"]
        )
        rows.append(h)
    assert np.abs(np.asarray(found) - np.stack(rows, 1)).max() < ROUNDING


def test_a_scan_in_reverse_begins_at_the_end_and_keeps_the_places():
    text = (
        ELMAN + "model m(back = false) { input x: [batch, time, 3]  output y = x -> scan(reverse = back) { elman(4) } }"
    )
    x = draw(2, 5, 3)
    graph, weights, _ = ready(text, x=x)
    turned = bind(graph_of(text, settings={"back": "true"}), {"batch": 2, "time": 5})
    forward = lower(graph)(weights, {}, {"x": x[:, ::-1]})[0]["y"]
    assert np.abs(lower(turned)(weights, {}, {"x": x})[0]["y"][:, ::-1] - forward).max() < ROUNDING


@pytest.mark.parametrize(
    "body",
    [
        "scan { elman(4) }",
        "scan(reverse = true) { elman(4) -> elman(3) }",
        "scan { elman(4) -> dropout(0.5) }",
        "repeat 2 { scan { elman(3) } }",
        "scan { repeat 2 { elman(3) } }",
        "scan { elman(4) -> repeat 7 { dense(4) -> tanh } }",
        "bidirectional { scan { elman(4) } }",
        "remat { dense(4) -> tanh -> dropout(0.5) -> dense(2) }",
        "repeat 8 { remat { dense(5) -> tanh -> dropout(0.5) -> dense(3) } }",
        "remat { scan { elman(4) } }",
        "remat { remat { dense(4) -> tanh } -> dense(2) }",
    ],
)
def test_gradients_of_loops_match_those_of_jax(body: str):
    text = ELMAN + f"model m {{ input x: [batch, time, 3]  output loss = x -> {body} -> square -> mean }}"
    x = draw(2, 5, 3)
    graph, weights, state = ready(text, x=x)
    made, wanted = gradients(graph, weights, state, {"x": x}, "loss", training=True, key=jax.random.key(7))
    same(made, wanted)


def test_a_carry_starts_where_it_is_told():
    text = """
    block counter() { input x: [batch, c]  input start: [batch, c]  carry n: [batch, c] = start  output sum = n + x  next n = sum }
    block half() { input x: [batch, c]  carry n: [batch, c] = 0.5  output sum = n + x  next n = sum }
    model m { input x: [batch, time, 2]  input s: [batch, 2]
      output a = x -> scan { (it, s) -> counter }
      output b = x -> scan { half } }
    """
    x, s = draw(2, 5, 2), draw(2, 2)
    graph, weights, _ = ready(text, x=x, s=s)
    found = {name: np.asarray(made) for name, made in lower(graph)(weights, {}, {"x": x, "s": s})[0].items()}
    assert np.abs(found["a"] - (s[:, None] + x.cumsum(1))).max() < ROUNDING
    assert np.abs(found["b"] - (0.5 + x.cumsum(1))).max() < ROUNDING


def test_several_sequences_go_in_step():
    text = (
        "model m { input x: [batch, time, 2]  input y: [batch, time, 2]  output z = (x, y) -> scan { it[0] * it[1] } }"
    )
    x, y = draw(2, 5, 2), draw(2, 5, 2) + 1
    graph, _, _ = ready(text, x=x, y=y)
    assert np.abs(lower(graph)({}, {}, {"x": x, "y": y})[0]["z"] - x * y).max() < ROUNDING


def test_bidirectional_turns_masks_and_leaves_starts():
    text = ELMAN + "model m { input x: [batch, time, 3]  output y = x -> bidirectional { scan { elman(4) } } }"
    x = draw(2, 5, 3)
    graph, weights, _ = ready(text, x=x)
    assert sorted({name.split(".")[0] for name in weights}) == ["backward", "forward"]
    ways = {
        way: {n.removeprefix(f"{way}."): w for n, w in weights.items() if n.startswith(way)}
        for way in ("forward", "backward")
    }
    one, _, _ = ready(ELMAN + "model m { input x: [batch, time, 3]  output y = x -> scan { elman(4) } }", x=x)
    first = lower(one)(ways["forward"], {}, {"x": x})[0]["y"]
    second = lower(one)(ways["backward"], {}, {"x": x[:, ::-1]})[0]["y"][:, ::-1]
    found = lower(graph)(weights, {}, {"x": x})[0]["y"]
    assert np.abs(found - np.concatenate([first, second], -1)).max() < ROUNDING


def test_a_param_is_a_weight_at_its_path():
    text = """
    block scaled(units) { input x: [batch, c]  param scale: [c] = ones  param w: [c, units]  output y = (x * scale) @ w }
    model m { input x: [batch, 3]  param t: [] = 2.5  output y = x -> scaled(4) -> repeat 8 { scaled(4) } -> (it * t) }
    """
    graph, weights, _ = ready(text, x=draw(2, 3))
    assert parameters(graph) == {
        "t": (), "scaled.scale": (3,), "scaled.w": (3, 4), "repeat.*.scale": (8, 4), "repeat.*.w": (8, 4, 4)}  # fmt: skip
    assert float(weights["t"]) == pytest.approx(2.6)  # 2.5 and what `ready` adds
    assert np.asarray(weights["scaled.scale"]).tolist() == [1.1, 1.1, 1.1]


def test_a_state_is_kept_from_step_to_step():
    text = """
    model m { input x: [batch, 2]  state total: [2] = zeros  next total = total + (x -> sum(axis = 0))  output y = x + total }
    """
    x = np.ones((3, 2))
    graph, weights, state = ready(text, x=x)
    program = lower(graph)
    first, state = program(weights, state, {"x": x})
    second, state = program(weights, state, {"x": x})
    assert first["y"].tolist() == [[1.0, 1.0]] * 3
    assert second["y"].tolist() == [[4.0, 4.0]] * 3
    assert state["total"].tolist() == [6.0, 6.0]


def test_what_is_frozen_is_not_trained_and_keeps_its_statistics():
    text = (
        "model m { input x: [batch, 3]  output y = x -> frozen { dense(4) -> batch_norm } -> dense(2) -> batch_norm }"
    )
    graph = graph_of(text)
    frozen = {node.name for node in graph.sources("parameter") if not node.op.trainable}  # type: ignore[attr-defined]
    assert frozen == {"dense.kernel", "dense.bias", "batch_norm.scale", "batch_norm.bias"}
    assert {name.split(".")[0] for name in graph.updates} == {"batch_norm_2"}


def test_remat_keeps_statistics_and_paths():
    text = "model m { input x: [batch, 3]  output y = x -> dense(3) -> remat { dense(4) -> batch_norm } -> dense(2) }"
    graph, weights, state = ready(text, x=draw(4, 3))
    assert {name.split(".")[0] for name in weights} == {"dense", "dense_2", "dense_3", "batch_norm"}
    plain = bind(graph_of(text.replace("remat { dense(4) -> batch_norm }", "dense(4) -> batch_norm")), {"batch": 4})
    for program, other in ((lower(graph), lower(plain)),):
        found, kept = program(weights, state, {"x": draw(4, 3)}, training=True)
        wanted, held = other(weights, state, {"x": draw(4, 3)}, training=True)
        same({**found, **kept}, {**wanted, **held})


@pytest.mark.parametrize(
    "text, code",
    [
        (ELMAN + "model m { input x: [batch, 3]  output y = x -> elman(4) }", "E0260"),
        ("model m { input x: [batch, 3]  state s: [3] = zeros  output y = x + s }", "E0261"),
        ("model m { input x: [batch, 3]  next x = x  output y = x }", "E0262"),
        ("model m { input x: [batch, 3]  state s: [3] = zeros  next s = x  output y = x + s }", "E0263"),
        ("model m { input x: [batch, 3]  param s: [3]  output y = x + s }", "E0265"),
        ("model m { input x: [batch, t, 3]  output y = x -> scan { batch_norm } }", "E0267"),
        ("model m { input x: [batch]  output y = x -> scan { relu } }", "E0268"),
        ("model m { input x: [batch, t, 3]  input y: [batch, s, 3]  output z = (x, y) -> scan { it[0] } }", "E0268"),
    ],
)
def test_what_has_no_meaning_is_refused(text: str, code: str):
    assert [problem.code for problem in problems_of(text)] == [code], [told(problem) for problem in problems_of(text)]


def test_training_leaves_the_frozen_weights_as_they_start(tmp_path: Path):
    text = """
    model m { input features: [batch, 4]  output logits = features -> frozen { dense(8) -> batch_norm -> relu } -> dense(3) }
    train m { data = iris() -> split(0.8, 0.2)  loss = (logits, label) -> cross_entropy  optimizer = adamw(lr = 1e-2, decay = 0.5)  STEPS }
    """
    with jax.enable_x64(False):
        for steps, folder in (("steps = 1", "one"), ("steps = 9", "nine")):
            plan = plan_of(text.replace("STEPS", steps))
            session.train(plan, Source("test.net", text), Folders(tmp_path), tmp_path / folder)
    one, nine = (load_file(tmp_path / folder / "weights.safetensors") for folder in ("one", "nine"))
    assert {name for name in one if not np.array_equal(one[name], nine[name])} == {"dense_2.kernel", "dense_2.bias"}


# Repeats whose iterations differ in numbers, and what their iterations give.


def test_numbers_that_grow_with_the_depth_stay_one_loop():
    text = """
    model m(drop = 0.5) { input x: [batch, 3]
      output y = x -> repeat i in 0..8 { residual(scale = 1 / (i + 2)) { dense(3) -> dropout(drop * i / 8) -> leaky_relu(i / 10) } } -> sum }
    """
    x = draw(4, 3)
    graph, weights, state = ready(text, x=x)
    assert [node.op.count for node in graph if node.op.name == "repeat"] == [8]  # type: ignore[attr-defined]
    wide = {name: np.asarray(weight) for name, weight in weights.items()}
    h = x
    for i in range(8):
        y = h @ wide["repeat.*.dense.kernel"][i] + wide["repeat.*.dense.bias"][i]
        h = h + np.where(y > 0, y, y * i / 10) / (i + 2)
    # Numbers are held in single precision, as the settings of layers are not.
    assert abs(float(lower(graph)(weights, state, {"x": x})[0]["y"]) - h.sum()) < 1e-6 * abs(h.sum())
    made, wanted = gradients(graph, weights, state, {"x": x}, "y", training=True, key=jax.random.key(3))
    same(made, wanted)


def test_draws_are_those_of_the_iterations_side_by_side():
    loop = "model m { input x: [batch, 64]  output y = x -> repeat i in 0..7 { dropout(i / 10) } }"
    x = np.ones((4, 64))
    chain = " -> ".join(f"dropout({i / 10}) as d{i}" for i in range(7))
    graph, _, _ = ready(loop, x=x)
    assert len([node for node in graph if node.op.name == "repeat"]) == 1
    found = np.asarray(lower(graph)({}, {}, {"x": x}, training=True, key=jax.random.key(3))[0]["y"])
    kept = float((found > 0).mean())
    wanted = float(np.prod([1 - i / 10 for i in range(7)]))
    assert abs(kept - wanted) < 3 * (wanted * (1 - wanted) / 256) ** 0.5, chain  # three standard deviations


def test_what_changes_a_shape_or_a_layer_ends_the_loop_and_the_graph_says_why():
    graph = graph_of(
        "model m { input x: [batch, 3]  output y = x -> repeat i in 0..9 { dense(3) -> if i < 6 { relu } -> dense(2 + i // 8) -> dense(3) } }"
    )
    loops = [node.op.count for node in graph if node.op.name == "repeat"]  # type: ignore[attr-defined]
    assert loops == [6, 2]
    assert [(remark.iteration, remark.reason) for remark in graph.remarks] == [
        (6, "its layers are others"),
        (8, "`repeat.*.dense_2.kernel` is [3, 2] before and [3, 3] here"),
    ]


@pytest.mark.parametrize("count", [3, 9])
def test_every_iteration_of_a_labelled_repeat_can_be_read(count: int):
    text = f"""
    model m {{ input x: [batch, 3]
      last = x -> repeat {count} {{ dense(3) -> batch_norm -> tanh }} as stages
      output first = stages[0]
      output ends = (stages[1:3], last) -> TAIL
      output tail = stages[-1] - last }}
    """.replace("(stages[1:3], last) -> TAIL", "(stages[1], stages[2]) -> concat")
    x = draw(4, 3)
    graph, weights, state = ready(text, x=x)
    wide = {name: np.asarray(array) for name, array in {**weights, **state}.items()}
    h, rows = x, []
    for i in range(count):
        h = h @ wide["stages.*.dense.kernel"][i] + wide["stages.*.dense.bias"][i]
        n = {role: wide[f"stages.*.batch_norm.{role}"][i] for role in ("mean", "var", "scale", "bias")}
        h = np.tanh((h - n["mean"]) / np.sqrt(n["var"] + 1e-5) * n["scale"] + n["bias"])
        rows.append(h)
    found, after = lower(graph)(weights, state, {"x": x}, training=True)
    found = lower(graph)(weights, state, {"x": x})[0]
    assert after["stages.*.batch_norm.mean"].shape == (count, 3)
    assert np.abs(found["first"] - rows[0]).max() < ROUNDING
    assert np.abs(found["ends"] - np.concatenate(rows[1:3], -1)).max() < ROUNDING
    assert not np.abs(found["tail"]).any()


def test_a_list_of_what_the_iterations_give_can_be_repeated_over():
    text = """
    model m { input x: [batch, 3]
      up = x -> repeat 8 { dense(3) -> tanh } as levels
      output y = up -> repeat skip in reversed(levels) { it + skip } -> sum
      output loss = y -> square }
    """
    x = draw(4, 3)
    graph, weights, state = ready(text, x=x)
    made, wanted = gradients(graph, weights, state, {"x": x}, "loss")
    same(made, wanted)


# Derivatives as tensors.


@pytest.mark.parametrize(
    "body, wanted",
    [
        ("g = (x ** 3 -> sum, x) -> gradient  output y = g", lambda x: 3 * x**2),
        ("g = (x ** 3 -> sum, x) -> gradient  output y = (g -> sum, x) -> gradient", lambda x: 6 * x),
        ("h = x * x  g = (h -> sin -> sum, h) -> gradient  output y = g", lambda x: np.cos(x * x)),
    ],
)
def test_a_gradient_is_a_tensor_like_any_other(body: str, wanted: object):
    x = draw(2, 3)
    graph, _, _ = ready(f"model m {{ input x: [batch, 3]  {body} }}", x=x)
    assert np.abs(lower(graph)({}, {}, {"x": x})[0]["y"] - wanted(x)).max() < ROUNDING  # type: ignore[operator]


@pytest.mark.parametrize("body", ["dense(5) -> tanh -> dense(1)", "repeat 8 { dense(3) -> tanh } -> dense(1)"])
def test_a_gradient_penalty_trains_by_second_derivatives(body: str):
    text = f"""
    model m {{ input x: [batch, 3]
      layer critic = {body}
      slope = (x -> critic -> sum, x) -> gradient
      output loss = ((slope ** 2 -> sum(axis = -1) -> sqrt) - 1) ** 2 -> mean }}
    """
    x = draw(4, 3)
    graph, weights, state = ready(text, x=x)
    made, wanted = gradients(graph, weights, state, {"x": x}, "loss")
    same(made, wanted)
    assert max(float(np.abs(np.asarray(slope)).max()) for slope in wanted.values()) > 1e-3  # it is no zero by chance


@pytest.mark.parametrize(
    "body",
    ["output y = (x -> sum, z) -> gradient", "output y = (x -> stop_gradient -> sum, x) -> gradient"],
)
def test_a_gradient_without_a_way_is_refused(body: str):
    found = problems_of(f"model m {{ input x: [batch, 3]  input z: [batch, 3]  {body} }}")
    assert [problem.code for problem in found] == ["E0270"], [told(problem) for problem in found]


def test_a_long_repeat_is_built_once_whatever_depends_on_its_index():
    text = """
    model m(n = 400) { input x: [batch, 3]
      table = linspace(0.0, 1.0, n)
      output y = x -> repeat i in reversed(0..n) { it * 0.9 + table[i] - 0.001 * i + (full([3], i) -> cast("f32")) / n
        + (if i > 3 { 0.01 } else { 0.02 * i }) } }
    """
    x = draw(2, 3)
    graph, _, _ = ready(text, x=x)
    assert [node.op.count for node in graph if node.op.name == "repeat"] == [396, 4]  # type: ignore[attr-defined]
    assert [remark.iteration for remark in graph.remarks] == [396]
    h = x
    for i in reversed(range(400)):
        h = h * 0.9 + i / 399 - 0.001 * i + i / 400 + (0.01 if i > 3 else 0.02 * i)
    # The numbers of the iterations are held in single precision.
    assert np.abs(lower(graph)({}, {}, {"x": x})[0]["y"] - h).max() < 1e-5


def test_the_same_run_comes_out_built_at_once_or_one_by_one():
    def counts(n: int) -> list[tuple[object, ...]]:
        graph = graph_of(
            f"model m {{ input x: [batch, 3]  output y = x -> repeat i in 0..{n} {{ dense(3) -> dropout(i / 100) -> leaky_relu(i / 50) }} }}"
        )
        return [node.op.values for node in graph if node.op.name == "numbers"]  # type: ignore[attr-defined]

    for few, many in zip(counts(16), counts(20), strict=True):  # from 17 on they are built at once
        assert many[:16] == few


def test_what_several_iterations_give_goes_into_a_layer_together():
    graph = graph_of(
        "model m { input x: [batch, 3]  last = x -> repeat 4 { dense(3) -> tanh } as levels  output y = levels[1:3] -> stack(axis = 1)  output z = last }"
    )
    assert str(graph.type(graph.outputs["y"])) == "[batch, 2, 3]"

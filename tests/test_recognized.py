"""Models whose attention, norms, activations and losses are written out by hand, as a file of the language has them."""

from typing import Any

import jax.numpy as jnp
import pytest
from graphs import Arrays, assert_close, run
from nets import graph_of

from dslc.bind import bind
from dslc.differentiate import differentiate
from dslc.graph import Graph
from dslc.optimize import Report, optimize

SIZES = {"batch": 3}
# A scale of attention and an `eps` are 32 bits wide in the program, and whole in an op.
ROUNDED = 1e-6

TRANSFORMER = """
block norm(eps = 1e-5) {
  input  x: [batch, t, d]
  param  scale: [d] = ones
  param  shift: [d] = zeros
  centre = x - (x -> mean(axis = -1, keep = true))
  spread = centre ** 2 -> mean(axis = -1, keep = true)
  output out = centre / (spread + eps -> sqrt) * scale + shift
}

block heads_of(heads): [batch, t, d] -> [batch, heads, t, d / heads]
  = dense(d) -> rearrange("batch t (h w) -> batch h t w", h = heads)

block look(heads) {
  input  x: [batch, t, d]
  q      = x -> heads_of(heads)
  k      = x -> heads_of(heads)
  v      = x -> heads_of(heads)
  at     = range(t)
  seen   = at[:, none] >= at[none, :]
  scores = q @ (k -> transpose([0, 1, 3, 2])) / (d / heads) ** 0.5
  shares = (seen, scores, -1e9) -> where -> softmax
  output out = shares @ v -> rearrange("batch h t w -> batch t (h w)") -> dense(d)
}

block bend: [batch, t, d] -> [batch, t, d]
  = (0.5 * it * (1 + (0.7978845608 * (it + 0.044715 * it ** 3) -> tanh)))

model written(d = 8, heads = 2) {
  input  tokens: i32[batch, 6]
  input  target: i32[batch, 6]
  x      = tokens -> embedding(11, d)
  y      = x -> repeat 3 { residual { norm -> look(heads) } -> residual { norm -> dense(16) -> bend -> dense(d) } }
  shares = y -> norm -> dense(11) -> softmax
  picked = (shares, target) -> gather(-1) -> log
  output loss = -(picked -> mean)
}
"""


def test_a_transformer_written_out_by_hand_is_recognized_block_by_block():
    before = bind(graph_of(TRANSFORMER), SIZES)
    after, report = optimize(before, "training")
    found = taken(report)
    assert (found["recognize_layer_norm"], found["recognize_attention"], found["recognize_gelu"]) == (3, 1, 1)
    assert found["recognize_cross_entropy"] == 1
    assert ops(after) >= {"attend", "layer_norm", "gelu", "cross_entropy"}
    assert not ops(after) & {"softmax", "tanh", "sqrt", "gather"}
    attend = next(node.op for graph in graphs(after) for node in graph if node.op.name == "attend")
    assert attend == type(attend)(1, causal=True)  # pyright: ignore[reportCallIssue]


def test_its_loss_and_gradients_stay_the_same(float64: None):
    before = bind(graph_of(TRANSFORMER), SIZES)
    after, _ = optimize(before, "training")
    arrays = Arrays.drawn(before)
    assert_close(with_gradients(after, arrays), with_gradients(before, arrays), ROUNDED)


def test_its_weights_keep_their_names():
    before = bind(graph_of(TRANSFORMER), SIZES)
    after, _ = optimize(before, "training")
    assert after.sources("parameter") == before.sources("parameter")
    assert {"repeat.*.norm.scale", "repeat.*.norm.shift"} <= set(after.nodes)


WRITTEN = {
    "swiglu": (
        """model m { input x: [batch, 8]  gate = x -> dense(16)  up = x -> dense(16)
             output loss = gate * (gate -> sigmoid) * up -> dense(4) -> square -> mean }""",
        "recognize_silu",
    ),
    "rms norm with a scale around one": (
        """model m { input x: [batch, 8]  param gamma: [8] = zeros
             rms = (x * x -> mean(axis = -1, keep = true)) + 1e-6 -> sqrt
             output loss = x / rms * (1 + gamma) -> dense(4) -> square -> mean }""",
        "recognize_rms_norm",
    ),
    "softmax of exponentials": (
        """model m { input x: [batch, 8]  raised = x -> dense(5) -> exp
             shares = raised / (raised -> sum(axis = -1, keep = true))
             output loss = shares -> dense(4) -> square -> mean }""",
        "recognize_softmax",
    ),
    "binary cross-entropy": (
        """model m { input x: [batch, 8]  input t: [batch, 5]  p = x -> dense(5) -> sigmoid
             output loss = -(t * (p -> log) + (1 - t) * (1 - p -> log)) -> mean }""",
        "recognize_binary_cross_entropy",
    ),
    "one-hot cross-entropy": (
        """model m { input x: [batch, 8]  input label: i32[batch]
             shares = x -> dense(5) -> log_softmax
             output loss = -((label -> one_hot(5)) * shares -> sum(axis = -1)) -> mean }""",
        "recognize_cross_entropy",
    ),
    "attention in the notation of einsum": (
        """model m { input x: [batch, 6, 8]
             q = x -> dense(8) -> reshape([batch, 6, 2, 4])
             k = x -> dense(8) -> reshape([batch, 6, 2, 4])
             v = x -> dense(8) -> reshape([batch, 6, 2, 4])
             shares = (q, k) -> einsum("b q h d, b k h d -> b h q k") -> (it * 0.5) -> softmax
             output loss = (shares, v) -> einsum("b h q k, b k h d -> b q h d") -> square -> mean }""",
        "recognize_attention",
    ),
    "padded keys": (
        """model m { input x: [batch, 6, 8]  input words: i32[batch, 6]
             q = x -> dense(8)  k = x -> dense(8)  v = x -> dense(8)
             scores = q @ (k -> transpose([0, 2, 1])) * 8 ** -0.5
             shares = ((words == 0)[:, none, :], -1e9, scores) -> where -> softmax
             output loss = shares @ v -> square -> mean }""",
        "recognize_attention",
    ),
    "causal attention by an added mask": (
        """model m { input x: [batch, 6, 8]
             q = x -> dense(8)  k = x -> dense(8)  v = x -> dense(8)
             later = (range(6)[none, :] > range(6)[:, none], -1e30, 0.0) -> where
             shares = q @ (k -> transpose([0, 2, 1])) + later -> softmax
             output loss = shares @ v -> square -> mean }""",
        "recognize_attention",
    ),
    "attention that is causal and padded": (
        """model m { input x: [batch, 6, 8]  input words: i32[batch, 6]
             q = x -> dense(8)  k = x -> dense(8)  v = x -> dense(8)
             scores = q @ (k -> transpose([0, 2, 1])) / 8 ** 0.5
             here = ((words != 0)[:, none, :], scores, -1e9) -> where
             shares = (range(6)[:, none] >= range(6)[none, :], here, -1e9) -> where -> softmax
             output loss = shares @ v -> square -> mean }""",
        "recognize_attention",
    ),
}


@pytest.mark.parametrize("name", list(WRITTEN))
def test_what_is_written_out_is_recognized_and_keeps_its_loss_and_gradients(name: str, float64: None):
    text, wanted = WRITTEN[name]
    before = bind(graph_of(text), SIZES)
    after, report = optimize(before, "training")
    assert taken(report).get(wanted) == 1
    arrays = Arrays.drawn(before)
    assert_close(with_gradients(after, arrays), with_gradients(before, arrays), ROUNDED)


def test_a_sequence_of_padding_alone_gets_the_mean_of_the_values_before_and_after(float64: None):
    before = bind(graph_of(WRITTEN["padded keys"][0]), SIZES)
    after, _ = optimize(before, "training")
    drawn = Arrays.drawn(before)
    words = drawn.inputs["words"].at[1].set(0)
    arrays = Arrays(drawn.weights, drawn.state, {**drawn.inputs, "words": words})
    assert jnp.isfinite(run(before, arrays, training=True)["output loss"])
    assert_close(with_gradients(after, arrays), with_gradients(before, arrays), ROUNDED)


@pytest.mark.parametrize("label", [-1, 7])
def test_a_class_number_that_is_none_means_what_it_meant(label: int, float64: None):
    before = bind(graph_of(WRITTEN["one-hot cross-entropy"][0]), SIZES)
    after, _ = optimize(before, "training")
    drawn = Arrays.drawn(before)
    arrays = Arrays(drawn.weights, drawn.state, {**drawn.inputs, "label": drawn.inputs["label"].at[0].set(label)})
    assert jnp.isfinite(run(before, arrays, training=True)["output loss"])
    assert_close(with_gradients(after, arrays), with_gradients(before, arrays), ROUNDED)


def test_a_gelu_with_another_constant_is_another_function():
    text = """model m { input x: [batch, 8]  y = x -> dense(8)
      output out = 0.5 * y * (1 + (0.8 * (y + 0.044715 * y ** 3) -> tanh)) }"""
    _, report = optimize(graph_of(text), "training")
    assert "recognize_gelu" not in taken(report)


@pytest.mark.parametrize(
    "layers",
    [
        "conv(4, 3) -> batch_norm -> batch_norm(eps = 0.1) -> relu",
        "conv(4, 3, bias = false) -> batch_norm -> (it * 2 - 0.5) -> relu",
    ],
)
def test_norms_and_scales_one_after_the_other_become_one_convolution_at_inference(layers: str, float64: None):
    before = bind(graph_of(f"model m {{ input x: [batch, 6, 6, 2]  output out = x -> {layers} }}"), SIZES)
    after, _ = optimize(before, "inference")
    assert [node.op.name for node in after if node.type.shape == (3, 6, 6, 4)] == ["conv", "relu"]
    arrays = Arrays.drawn(before)
    # Products of sums, in another order.
    assert_close(run(after, arrays, training=False), run(before, arrays, training=False), 1e-12)


def taken(report: Report) -> dict[str, int]:
    """How many places each pass took."""
    return {step.optimization.name: len(step.taken) for step in report.steps if step.taken}


def graphs(graph: Graph) -> list[Graph]:
    """A graph and the bodies of its regions."""
    inner = [value for node in graph for value in vars(node.op).values() if isinstance(value, Graph)]
    return [graph, *(below for body in inner for below in graphs(body))]


def ops(graph: Graph) -> set[str]:
    return {node.op.name for inner in graphs(graph) for node in inner}


def with_gradients(graph: Graph, arrays: Arrays) -> dict[str, Any]:
    """The loss, and its gradients by all weights as one vector: that by the bias of keys is zero but for rounding."""
    weights = [node.name for node in graph.sources("parameter")]
    made = run(differentiate(graph, "loss", weights), arrays, training=True)
    gradients = [made[f"output gradient of {name}"].ravel() for name in sorted(weights)]
    return {"loss": made["output loss"], "gradients": jnp.concatenate(gradients)}

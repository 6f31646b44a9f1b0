"""Lowering: what the program computes, where it draws, and where numbers go bad."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from handmade import Net, drawn

from dslc.graph import Graph, Ref
from dslc.lower import Missing, lower, replay, shapes_of
from dslc.source import Source, Span
from dslc.verify import verify


def block(net: Net, h: Ref) -> Ref:
    """A residual layer with dropout."""
    inner = net.call("dropout", net.call("tanh", net.call("dense", h, units=3)), rate=0.4)
    return net.call("add", h, inner)


def stacked(count: int = 3, **settings: Any) -> Graph:
    """Three such layers as one region."""
    net = Net()
    (h,) = net.repeat([net.input("x", "[4, 3]")], count, block, **settings)
    return verify(net.graph(y=h))


def side_by_side(count: int = 3) -> Graph:
    """The same layers as plain nodes."""
    net = Net()
    h = net.input("x", "[4, 3]")
    for i in range(count):
        net.prefix = f"blocks.{i}."
        h = block(net, h)
    return verify(net.graph(y=h))


def sliced(weights: dict[str, Any], count: int = 3) -> dict[str, Any]:
    """Stacked weights as one for each layer."""
    return {name.replace("*", str(i)): array[i] for name, array in weights.items() for i in range(count)}


def test_program_computes_what_the_ops_say() -> None:
    net = Net()
    x = net.input("x", "[4, 3]")
    left, right = net.call("split", net.call("dense", x, units=6, name="a"), parts=2)
    graph = verify(net.graph(y=net.call("multiply", left, net.call("sigmoid", right))))
    weights, state, inputs = drawn(graph)
    outputs, following = lower(graph)(weights, state, inputs)
    hidden = inputs["x"] @ weights["a.kernel"] + weights["a.bias"][None]
    # One matrix product of three terms, and a sigmoid that may be written another way: single roundings of float32.
    np.testing.assert_allclose(outputs["y"], hidden[:, :3] * jax.nn.sigmoid(hidden[:, 3:]), rtol=1e-6, atol=1e-7)
    assert following == {}


@pytest.mark.usefixtures("float64")
def test_floats_keep_the_width_that_is_given() -> None:
    weights, state, inputs = drawn(stacked(), jnp.float64)
    assert lower(stacked())(weights, state, inputs)[0]["y"].dtype == jnp.float64


def test_what_nothing_reads_is_not_run() -> None:
    net = Net()
    x = net.input("x", "[4, 3]")
    net.call("dense", net.input("unused", "[2, 2]"), units=5, name="dead")
    graph = net.graph(y=net.call("exp", x))
    jaxpr = jax.make_jaxpr(lambda x: lower(graph)({}, {}, {"x": x})[0]["y"])(jnp.ones((4, 3)))
    assert [equation.primitive.name for equation in jaxpr.eqns] == ["exp"]


def test_an_array_that_is_not_given_is_named() -> None:
    weights, state, _ = drawn(stacked())
    with pytest.raises(Missing, match="input `x`"):
        lower(stacked())(weights, state, {})


def test_repeat_is_one_loop_in_the_program() -> None:
    graph = stacked(1000)
    weights, _, inputs = drawn(graph)
    jaxpr = jax.make_jaxpr(lambda: lower(graph)(weights, {}, inputs)[0])()
    assert [equation.primitive.name for equation in jaxpr.eqns] == ["iota", "scan"]


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_unrolling_changes_no_draw(training: bool) -> None:
    weights, state, inputs = drawn(stacked())
    key = jax.random.key(3)
    scanned, unrolled, plain = (
        lower(graph)(arrays, state, inputs, training=training, key=key)[0]["y"]
        for graph, arrays in ((stacked(), weights), (stacked(unroll=True), weights), (side_by_side(), sliced(weights)))
    )
    for other in (unrolled, plain):
        # Another mask would change every third number; a fused loop rounds a product and a sum at once.
        np.testing.assert_allclose(other, scanned, rtol=1e-6, atol=1e-6)
    assert training == bool((scanned != lower(stacked())(weights, state, inputs)[0]["y"]).any())


def test_a_run_of_a_repeat_draws_what_the_whole_repeat_draws() -> None:
    weights, state, inputs = drawn(stacked())
    net = Net()
    h = net.input("x", "[4, 3]")
    for start, count in ((0, 1), (1, 2)):
        (h,) = net.repeat([h], count, block, name=f"blocks.{start}:{start + count}", start=start, index=None)
    parts = verify(net.graph(y=h))
    cut = {
        f"{name.replace('*', f'{start}:{end}')}": array[start:end]
        for name, array in weights.items()
        for start, end in ((0, 1), (1, 3))
    }
    found = (
        lower(g)(w, state, inputs, training=True, key=jax.random.key(3))[0]["y"]
        for g, w in ((stacked(), weights), (parts, cut))
    )
    # As above.
    np.testing.assert_allclose(*found, rtol=1e-6, atol=1e-6)


def test_draws_differ_by_place_iteration_and_key() -> None:
    net = Net()
    x = net.input("x", "[64, 64]")
    (_, masks) = net.repeat([x], 3, lambda inner, h: (h, inner.call("dropout", h, rate=0.5)))
    others = [net.call("dropout", x, rate=0.5, name=name) for name in ("a", "b")]
    graph = verify(net.graph(masks=masks, a=others[0], b=others[1]))
    ones = {"x": jnp.ones((64, 64))}
    draws = []
    for seed in (0, 1):
        found = lower(graph)({}, {}, ones, training=True, key=jax.random.key(seed))[0]
        draws += [*found["masks"], found["a"], found["b"]]
    for i, left in enumerate(draws):
        for right in draws[:i]:
            # Two independent masks of 4,096 bits agree in half of them, give or take 0.04 in five standard deviations.
            assert float((left == right).mean()) == pytest.approx(0.5, abs=0.04)


def test_states_of_a_region_are_stacked() -> None:
    net = Net()
    (h,) = net.repeat([net.input("x", "[8, 3]")], 3, lambda inner, h: inner.call("batch_norm", inner.call("tanh", h)))
    graph = verify(net.graph(y=h))
    weights, state, inputs = drawn(graph)
    outputs, following = lower(graph)(weights, state, inputs, training=True)
    h = inputs["x"]
    for i in range(3):
        h = jnp.tanh(h)
        mean, var = h.mean(0), h.var(0)
        # The mean of eight rows may be added up in another order.
        expected = 0.9 * state["blocks.*.batch_norm.mean"][i] + 0.1 * mean
        np.testing.assert_allclose(following["blocks.*.batch_norm.mean"][i], expected, rtol=1e-5)
        scale, bias = weights["blocks.*.batch_norm.scale"][i], weights["blocks.*.batch_norm.bias"][i]
        h = (h - mean[None]) / jnp.sqrt(var + 1e-5)[None] * scale[None] + bias[None]
    # Three normalizations, each of them a division by a rounded number.
    np.testing.assert_allclose(outputs["y"], h, rtol=1e-4, atol=1e-5)


def test_regions_carry_capture_slice_and_stack() -> None:
    net = Net()
    a, b, whole, rows = (
        net.input(name, text) for name, text in (("a", "[2]"), ("b", "[2]"), ("c", "[2]"), ("r", "[5, 2]"))
    )

    def body(inner: Net, a: Ref, b: Ref, whole: Ref, row: Ref) -> tuple[Ref, ...]:
        following = inner.call("add", inner.call("multiply", b, whole), row)
        return b, following, inner.call("square", a)

    made = net.repeat([a, b], 5, body, captured=[whole], sliced=[rows])
    graph = verify(net.graph(**dict(zip(("a", "b", "squares"), made, strict=True))))
    inputs = {name: np.arange(2.0 * 5).reshape(5, 2)[: 5 if name == "r" else 1].squeeze() / 4 for name in "abcr"}
    outputs, _ = lower(graph)({}, {}, {name: jnp.asarray(array, jnp.float32) for name, array in inputs.items()})
    x, y, squares = inputs["a"], inputs["b"], []
    for row in inputs["r"]:
        squares.append(x**2)
        x, y = y, y * inputs["c"] + row
    for name, expected in (("a", x), ("b", y), ("squares", np.stack(squares))):
        # A handful of float32 roundings.
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-6)


def test_a_reversed_region_begins_at_the_end() -> None:
    net = Net()
    x, rows = net.input("x", "[]"), net.input("rows", "[3]")
    made = net.repeat([x], 3, lambda inner, h, row: (inner.call("subtract", row, h), h), sliced=[rows], reverse=True)
    inputs = {"x": jnp.float32(1), "rows": jnp.asarray([10.0, 20.0, 30.0])}
    outputs, _ = lower(net.graph(last=made[0], before=made[1]))({}, {}, inputs)
    assert float(outputs["last"]) == 10 - (20 - (30 - 1))
    np.testing.assert_array_equal(outputs["before"], [20 - (30 - 1), 30 - 1, 1])


def test_the_profile_names_layers_and_lines() -> None:
    source = Source("folder/model.net", "net 1\n\nx -> exp\n")
    net = Net()
    graph = net.graph(y=net.call("exp", net.input("x", "[3]"), name="blocks.*.exp"))
    nodes = {name: replace(node, span=Span(source.name, 12, 15)) for name, node in graph.nodes.items()}
    program = lower(replace(graph, nodes=nodes), source)
    text = jax.jit(lambda x: program({}, {}, {"x": x})[0]["y"]).lower(jnp.ones(3)).as_text(debug_info=True)
    assert "blocks.*.exp[model.net:3]/exp" in text


def test_shapes_of_the_sources_are_those_of_the_arrays() -> None:
    graph = stacked()
    weights, _, inputs = drawn(graph)
    for kind, arrays in (("parameter", weights), ("input", inputs)):
        assert shapes_of(graph, kind) == {
            name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays.items()
        }


# Replay.


def test_replay_finds_nothing_where_all_is_finite() -> None:
    graph = stacked()
    assert replay(graph, *drawn(graph), training=True, key=jax.random.key(0)) is None


def test_replay_names_the_layer_and_the_iteration() -> None:
    graph = stacked(5)
    weights, state, inputs = drawn(graph)
    kernel = weights["blocks.*.dense.kernel"]
    # One row, so that no two infinities of different sign are added.
    weights["blocks.*.dense.kernel"] = kernel.at[3, 0].set(1e30)
    # The largest finite float is 3.4e38: the input of the layer is about 1e-1, so only the second factor goes too far.
    inputs["x"] = inputs["x"] * 1e10
    found = replay(graph, weights, state, inputs)
    assert found is not None
    assert (found.node.name, found.path, found.iterations) == ("blocks.*.dense", "blocks.3.dense", (3,))
    assert not found.is_nan


def test_replay_goes_into_nested_regions() -> None:
    def inner(net: Net, h: Ref) -> Ref:
        return net.call("log", net.call("subtract", h, net.call("constant", value=1.0, dtype="f32")))

    net = Net()
    (h,) = net.repeat([net.input("x", "[2]")], 2, lambda body, h: body.repeat([h], 3, inner, name="steps"))
    graph = verify(net.graph(y=h))
    found = replay(graph, {}, {}, {"x": jnp.asarray([3.0, 8.0])})
    # log(3 - 1) = 0.69, and 0.69 - 1 has no logarithm.
    assert found is not None
    assert (found.path, found.iterations, found.is_nan) == ("blocks.0.steps.1.log", (0, 1), True)


def test_replay_names_a_weight_that_came_in_bad() -> None:
    graph = stacked()
    weights, state, inputs = drawn(graph)
    weights["blocks.*.dense.bias"] = weights["blocks.*.dense.bias"].at[1, 1].set(jnp.nan)
    found = replay(graph, weights, state, inputs)
    assert found is not None and found.node.name == "blocks.*.dense.bias"


def test_an_infinite_constant_is_no_fault() -> None:
    net = Net()
    low = net.call("constant", value=float("-inf"), dtype="f32")
    graph = net.graph(y=net.call("exp", low))
    assert replay(graph, {}, {}, {}) is None
    assert float(lower(graph)({}, {}, {})[0]["y"]) == 0

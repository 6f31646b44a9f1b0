"""The backward graph against `jax.grad` of the forward program, in float64."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from handmade import Net, drawn

from dslc.differentiate import differentiate, gradient_name
from dslc.graph import Builder, Graph, Node, Ref
from dslc.lower import lower
from dslc.ops.base import OPS
from dslc.text import from_text, to_text
from dslc.verify import verify

KEY = 5


def scalar(net: Net, *outputs: Ref) -> Ref:
    """A loss that depends on every element of every output in another way."""
    total = [net.call("mean", net.call("sin", net.call("square", output))) for output in outputs]
    return total[0] if len(total) == 1 else net.call("add", *total)


def layer(net: Net, h: Ref, units: int = 3) -> Ref:
    return net.call("dropout", net.call("gelu", net.call("dense", net.call("layer_norm", h), units=units)), rate=0.3)


def residual(net: Net, h: Ref) -> Ref:
    return net.call("add", h, layer(net, h))


def chain(net: Net, x: Ref) -> Ref:
    h = net.call("relu", net.call("dense", x, units=5))
    return net.call("cross_entropy", net.call("dense", layer(net, h, 4), units=3), net.input("label", "i32[4]"))


def sharing(net: Net, x: Ref) -> Ref:
    kernel = {}
    found = []
    for h in (x, net.call("exp", x)):
        y = net.add(OPS["dense"](4, bias=False), h, weights=kernel)
        kernel = {"kernel": net.builder.nodes[y.node].weights["kernel"]}
        found.append(y)
    return scalar(net, net.call("multiply", *found), net.call("multiply", found[0], found[0]))


def tied(net: Net, x: Ref) -> Ref:
    h = net.call("dense", x, units=4, name="table")
    turned = net.call("transpose", net.builder.nodes[h.node].weights["kernel"])
    return scalar(
        net, net.call("matmul", h, turned), net.add(OPS["dense"](3, bias=False), h, weights={"kernel": turned})
    )


def branches(net: Net, x: Ref) -> Ref:
    a, b, c = net.call("split", net.call("dense", x, units=6), parts=3)
    joined = net.call("concat", c, a, net.call("tanh", c))
    return scalar(net, joined, net.call("max", b, axis=-1), net.call("reshape", b, shape=(2, 4)))


def broadcasting(net: Net, x: Ref) -> Ref:
    row, one = net.input("row", "[3]"), net.input("one", "[4, 1]")
    half = net.call("constant", value=0.5, dtype="f32")
    return scalar(
        net, net.call("multiply", net.call("add", x, row), one), net.call("divide", row, net.call("exp", half))
    )


def statistics(net: Net, x: Ref) -> Ref:
    return scalar(net, net.call("batch_norm", net.call("tanh", net.call("batch_norm", x))))


def indices(net: Net, x: Ref) -> Ref:
    token, place = net.input("token", "i32[4, 2]"), net.input("place", "i32[2]")
    rows = net.call("take", net.call("dense", x, units=2), place)
    return scalar(net, net.call("embedding", token, vocab=3, units=2), rows)


def constants(net: Net, x: Ref) -> Ref:
    stopped = net.call("stop_gradient", net.call("exp", x))
    number = net.call("cast", net.call("argmax", x), dtype="f32")
    return scalar(net, net.call("multiply", x, stopped), net.call("multiply", net.call("sum", x, axis=-1), number))


def fixed_layers(net: Net, x: Ref) -> Ref:
    (h,) = net.repeat([x], 3, residual)
    return scalar(net, h)


def unrolled(net: Net, x: Ref) -> Ref:
    (h,) = net.repeat([x], 3, residual, unroll=True)
    return scalar(net, h)


def later_layers(net: Net, x: Ref) -> Ref:
    (h,) = net.repeat([x], 2, residual, start=7, reverse=True)
    return scalar(net, h)


def captured(net: Net, x: Ref) -> Ref:
    condition = net.call("dense", x, units=3, name="condition")

    def body(inner: Net, h: Ref, c: Ref, mask: Ref) -> Ref:
        gate = inner.call("sigmoid", inner.call("multiply", c, inner.call("constant", value=2.0, dtype="f32")))
        return inner.call("multiply", layer(inner, inner.call("add", h, c)), inner.call("add", gate, mask))

    (h,) = net.repeat([x], 3, body, captured=[condition, net.input("mask", "i32[4, 1]")])
    return scalar(net, h, condition)


def alike(net: Net, x: Ref) -> Ref:
    """Two loops whose bodies give the same names to other things, which come out of both."""
    (h,) = net.repeat([x], 3, lambda inner, h, c: inner.call("add", h, inner.call("tanh", c)), captured=[x])
    other = net.call("dense", x, units=3)
    (h,) = net.repeat([h], 2, lambda inner, h, c: inner.call("multiply", h, inner.call("tanh", c)), captured=[other])
    return scalar(net, h)


def sliced(net: Net, x: Ref) -> Ref:
    rows = net.input("rows", "[3, 4, 3]")

    def body(inner: Net, h: Ref, row: Ref, rate: Ref) -> tuple[Ref, ...]:
        made = inner.call("multiply", inner.call("tanh", layer(inner, h)), rate)
        return inner.call("add", h, inner.call("multiply", made, row)), made, inner.call("argmax", row)

    h, taps, _ = net.repeat([x], 3, body, sliced=[net.call("exp", rows), net.input("rates", "[3]")])
    return scalar(net, h, taps)


def taps_alone(net: Net, x: Ref) -> Ref:
    _, taps = net.repeat([x], 3, lambda inner, h: (residual(inner, h), inner.call("exp", h)))
    return scalar(net, net.call("index", taps, items=((None, -1, None),)))


def swapped(net: Net, x: Ref) -> Ref:
    """The gradient comes in at the first of three carried tensors, and goes through all of them."""
    zeros = net.call("zeros", shape=(4, 3))

    def body(inner: Net, a: Ref, b: Ref, c: Ref, t: Ref) -> tuple[Ref, ...]:
        one = inner.call("constant", value=1, dtype="i32")
        return inner.call("sin", b), inner.call("add", c, a), layer(inner, c), inner.call("add", t, one)

    start = [net.call("multiply", zeros, x), x, net.call("exp", x), net.call("constant", value=0, dtype="i32")]
    a, *_ = net.repeat(start, 4, body)
    return scalar(net, a)


def overwritten(net: Net, x: Ref) -> Ref:
    """What is carried in is not read, and what is carried out does not depend on it."""
    other = net.call("exp", x)
    (h,) = net.repeat([net.call("sin", x)], 2, lambda inner, h, other: layer(inner, other), captured=[other])
    return scalar(net, h)


def stateful(net: Net, x: Ref) -> Ref:
    (h,) = net.repeat([x], 3, lambda inner, h: residual(inner, inner.call("batch_norm", h)))
    return scalar(net, h)


def nested(net: Net, x: Ref) -> Ref:
    scale = net.call("sigmoid", x)

    def outer(inner: Net, h: Ref, scale: Ref) -> tuple[Ref, ...]:
        gate = inner.call("exp", inner.call("dense", h, units=3, name="gate"))

        def body(deep: Net, h: Ref, gate: Ref, scale: Ref) -> tuple[Ref, ...]:
            both = deep.call("multiply", gate, deep.call("square", scale))
            h = deep.call("batch_norm", deep.call("add", residual(deep, h), both))
            return h, deep.call("tanh", h)

        h, taps = inner.repeat([h], 2, body, captured=[gate, scale], name="steps")
        return h, taps

    h, taps = net.repeat([x], 3, outer, captured=[scale])
    return scalar(net, h, taps)


def shared_in_part(net: Net, x: Ref) -> Ref:
    """A layer in a region with the kernel from around it, and a bias of its own in every iteration."""
    net.call("dense", x, units=3, name="shared")

    def body(inner: Net, h: Ref, kernel: Ref) -> Ref:
        return inner.call("tanh", inner.add(OPS["dense"](3), h, weights={"kernel": kernel}))

    (h,) = net.repeat([Ref("shared")], 3, body, captured=[Ref("shared.kernel")])
    return scalar(net, h)


def shared_with_a_region(net: Net, x: Ref) -> Ref:
    net.call("dense", x, units=3, name="shared")
    kernel = Ref("shared.kernel")

    def body(inner: Net, h: Ref, kernel: Ref) -> Ref:
        return inner.call("tanh", inner.call("matmul", h, kernel))

    (h,) = net.repeat([Ref("shared")], 3, body, captured=[kernel])
    return scalar(net, h, net.call("matmul", h, kernel))


NETS = [
    chain, sharing, tied, branches, broadcasting, statistics, indices, constants, fixed_layers, unrolled, later_layers,
    captured, alike, sliced, taps_alone, swapped, overwritten, stateful, nested, shared_in_part, shared_with_a_region,
]  # fmt: skip

TWICE = [chain, tied, branches, constants, unrolled, captured, sliced, swapped, stateful, nested]
"""One of each kind: a second derivative takes XLA seconds to compile."""


def graph_of(make: Callable[[Net, Ref], Ref]) -> Graph:
    net = Net()
    return verify(net.graph(loss=make(net, net.input("x", "[4, 3]"))))


def trained(graph: Graph) -> list[str]:
    """Parameters and inputs of floats."""
    return [node.name for kind in ("parameter", "input") for node in graph.sources(kind) if node.type.is_float]


def run(graph: Graph, arrays: Sequence[dict[str, Any]], **changed: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Outputs and next state in training; `changed` arrays replace weights and inputs."""
    weights, state, inputs = arrays
    return lower(graph)({**weights, **changed}, state, {**inputs, **changed}, training=True, key=jax.random.key(KEY))


def expected(graph: Graph, arrays: Sequence[dict[str, Any]], names: Sequence[str], of: str = "loss") -> dict[str, Any]:
    """Gradients of an output by JAX's own differentiation of the whole program."""
    given = {**arrays[0], **arrays[2]}
    return jax.grad(lambda moved: run(graph, arrays, **moved)[0][of])({name: given[name] for name in names})


def assert_same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A largest relative error of 1e-9, against the largest gradient where one is zero but for rounding."""
    size = max(float(jnp.linalg.norm(array.ravel())) for array in wanted.values())
    for name, array in wanted.items():
        made = found[gradient_name(name)]
        assert (made.shape, made.dtype) == (array.shape, array.dtype), name
        distance = float(jnp.linalg.norm((made - array).ravel()))
        # Both add the same terms in float64 in another order: 1e-16 a few hundred times over.
        assert distance <= 1e-9 * float(jnp.linalg.norm(array.ravel())) + 1e-13 * size, name


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_gradients_are_those_of_the_whole_program(make: Callable[[Net, Ref], Ref]) -> None:
    graph = graph_of(make)
    names = trained(graph)
    joint = verify(differentiate(graph, "loss", names))
    arrays = drawn(graph, jnp.float64)
    (found, following), (outputs, states), wanted = jax.jit(
        lambda arrays: (run(joint, arrays), run(graph, arrays), expected(graph, arrays, names))
    )(arrays)
    assert_same(found, wanted)
    # The forward nodes of both are the same; XLA may fuse them in another way.
    np.testing.assert_allclose(found["loss"], outputs["loss"], rtol=1e-12)
    assert following.keys() == states.keys()
    for name, array in states.items():
        np.testing.assert_allclose(following[name], array, rtol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_gradients_by_one_thing_leave_out_the_rest(make: Callable[[Net, Ref], Ref]) -> None:
    graph = graph_of(make)
    joint = verify(differentiate(graph, "loss", ["x"]))
    arrays = drawn(graph, jnp.float64)
    found, wanted = jax.jit(lambda arrays: (run(joint, arrays)[0], expected(graph, arrays, ["x"])))(arrays)
    assert_same(found, wanted)
    of_parameters = {name for node in joint for name in getattr(node.op, "wrt", ()) if name in ("kernel", "bias")}
    assert make is tied or not of_parameters


def with_penalty(joint: Graph, name: str) -> Graph:
    """The loss and the squared norm of a gradient."""
    builder = Builder(joint.name)
    builder.nodes = dict(joint.nodes)
    ref, loss = joint.outputs[gradient_name(name)], joint.outputs["loss"]
    type, single = joint.type(ref), joint.type(loss)
    squares = builder.add(Node("squares", OPS["square"](), (ref,), types=(type,)))
    norm = builder.add(Node("norm", OPS["sum"](), (squares,), types=(single,)))
    total = builder.add(Node("penalty", OPS["add"](), (loss, norm), types=(single,)))
    return replace(joint, nodes=builder.nodes, outputs={"loss": loss, "penalty": total})


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("make", TWICE, ids=lambda make: make.__name__)
def test_gradients_can_be_differentiated_again(make: Callable[[Net, Ref], Ref]) -> None:
    graph = graph_of(make)
    names = trained(graph)
    joint = verify(with_penalty(differentiate(graph, "loss", ["x"]), "x"))
    twice = verify(differentiate(joint, "penalty", names))
    arrays = drawn(graph, jnp.float64)

    def both(arrays: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
        given = {**arrays[0], **arrays[2]}

        def penalty(moved: dict[str, Any]) -> Any:
            loss, by_x = jax.value_and_grad(lambda x: run(graph, arrays, **{**moved, "x": x})[0]["loss"])(moved["x"])
            return loss + jnp.sum(by_x**2)

        return run(twice, arrays)[0], jax.grad(penalty)({name: given[name] for name in names})

    assert_same(*jax.jit(both)(arrays))


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
def test_backward_graphs_read_back_from_their_text(make: Callable[[Net, Ref], Ref]) -> None:
    graph = graph_of(make)
    joint = differentiate(graph, "loss", trained(graph))
    assert from_text(to_text(joint)) == joint


def test_the_gradient_by_what_the_loss_does_not_read_is_zero() -> None:
    net = Net()
    x, other = net.input("x", "[4, 3]"), net.input("other", "[2]")
    net.call("exp", other)
    joint = verify(differentiate(net.graph(loss=scalar(net, x)), "loss", ["other"]))
    found, _ = lower(joint)({}, {}, {"x": jnp.ones((4, 3)), "other": jnp.ones(2)})
    np.testing.assert_array_equal(found[gradient_name("other")], np.zeros(2))


def test_a_region_keeps_what_its_rules_read_and_no_more() -> None:
    def body(inner: Net, h: Ref, c: Ref) -> Ref:
        h = inner.call("multiply", h, inner.call("constant", value=0.5, dtype="f32"))
        h = inner.call("add", h, inner.call("square", inner.call("exp", c)))
        return residual(inner, h)

    net = Net()
    (h,) = net.repeat([net.input("x", "[4, 3]")], 3, body, captured=[net.input("c", "[4, 3]")])
    joint = verify(differentiate(net.graph(loss=scalar(net, h)), "loss", trained(net.graph())))
    forward = joint.nodes["blocks"].op
    kept = [name for name in forward.body.outputs if name.startswith("kept ")]  # type: ignore[attr-defined]
    # By the rules: of the product its factors, of the norm its input, mean and deviation, of gelu its input, of dense its
    # input. The dropout draws its mask again, and what is the same in every iteration stands before the region.
    assert sorted(name.removeprefix("kept blocks.*.") for name in kept) == [
        "add", "dense", "in.0", "layer_norm", "layer_norm.1", "layer_norm.2",
    ]  # fmt: skip
    assert {"blocks.*.exp", "blocks.*.square"} <= joint.nodes.keys()


def test_backward_nodes_carry_the_name_path_and_span_of_their_layer() -> None:
    graph = graph_of(fixed_layers)
    joint = differentiate(graph, "loss", trained(graph))
    assert joint.nodes["blocks.gradient"].path == graph.nodes["blocks"].path
    body = joint.nodes["blocks.gradient"].op.body  # type: ignore[attr-defined]
    assert body.nodes["blocks.*.dense.gradient"].path == "blocks.*.dense"
    assert body.nodes["blocks.*.dropout.gradient"].op.place == "blocks.*.dropout"


def test_depth_does_not_grow_the_graph() -> None:
    def size(count: int) -> int:
        net = Net()
        (h,) = net.repeat([net.input("x", "[4, 3]")], count, residual)
        graph = net.graph(loss=scalar(net, h))
        return len(to_text(differentiate(graph, "loss", trained(graph))).splitlines())

    assert size(3) == size(1000)


@pytest.mark.parametrize(
    ("of", "wrt", "message"),
    [
        ("nothing", ["x"], "there is no output `nothing`"),
        ("y", ["x"], r"the output `y` is \[4, 3\], and only a float scalar has a gradient"),
        ("loss", ["label"], "`label` is no parameter or input of floats"),
        ("loss", ["z"], "`z` is no parameter or input of floats"),
    ],
)
def test_what_has_no_gradient_is_refused(of: str, wrt: list[str], message: str) -> None:
    net = Net()
    x = net.input("x", "[4, 3]")
    net.input("label", "i32[4]")
    with pytest.raises(ValueError, match=message):
        differentiate(net.graph(loss=scalar(net, x), y=x), of, wrt)

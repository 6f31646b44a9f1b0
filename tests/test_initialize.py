"""First values: by place and layer alone, however the layers are stored."""

import jax
import jax.numpy as jnp
import numpy as np
from handmade import Net

from dslc.graph import Graph, Ref
from dslc.initialize import initial


def layer(net: Net, h: Ref) -> Ref:
    return net.call("batch_norm", net.call("dense", h, units=16))


def stacked() -> Graph:
    net = Net()
    (h,) = net.repeat([net.input("x", "[4, 16]")], 3, layer)
    return net.graph(y=h)


def side_by_side(others: bool = False) -> Graph:
    net = Net()
    h = net.input("x", "[4, 16]")
    if others:
        h = net.call("dense", h, units=16)
    for i in range(3):
        net.prefix = f"blocks.{i}."
        h = layer(net, h)
    return net.graph(y=h)


def test_layers_start_the_same_stacked_and_by_themselves() -> None:
    together, apart, more = (
        jax.jit(lambda key, g=g: initial(g, key))(jax.random.key(1))
        for g in (stacked(), side_by_side(), side_by_side(True))
    )
    for values, singles, others in zip(together, apart, more, strict=True):
        for name, array in values.items():
            for i in range(3):
                single = singles[name.replace("*", str(i))]
                np.testing.assert_array_equal(array[i], single)
                np.testing.assert_array_equal(others[name.replace("*", str(i))], single)


def test_nested_repeats_start_as_their_layers() -> None:
    def outer(net: Net, h: Ref) -> Ref:
        return net.repeat([h], 2, layer, name="steps")[0]

    net = Net()
    net.repeat([net.input("x", "[4, 16]")], 3, outer)
    together, _ = initial(net.graph(), jax.random.key(1))
    apart = Net()
    h = apart.input("x", "[4, 16]")
    for i in range(3):
        for k in range(2):
            apart.prefix = f"blocks.{i}.steps.{k}."
            h = layer(apart, h)
    singles, _ = initial(apart.graph(), jax.random.key(1))
    assert together["blocks.*.steps.*.dense.kernel"].shape == (3, 2, 16, 16)
    for i in range(3):
        for k in range(2):
            kernel = together["blocks.*.steps.*.dense.kernel"][i, k]
            np.testing.assert_array_equal(kernel, singles[f"blocks.{i}.steps.{k}.dense.kernel"])


def test_no_two_arrays_start_alike_and_seeds_differ() -> None:
    kernels = []
    for seed in (0, 1):
        weights, _ = initial(side_by_side(True), jax.random.key(seed))
        kernels += [array.ravel() for name, array in weights.items() if name.endswith("kernel")]
    table = np.corrcoef(np.stack(kernels))
    # 256 independent numbers correlate by 1 / 16, give or take: five standard deviations.
    assert np.abs(table - np.eye(len(kernels))).max() < 5 / 16


def test_values_follow_the_initializer() -> None:
    weights, state = initial(stacked(), jax.random.key(0))
    kernel = weights["blocks.*.dense.kernel"]
    # Even values up to sqrt(6 / 32): 768 of them give their variance, 1 / 16, to 15 % in five standard deviations.
    assert float(jnp.abs(kernel).max()) <= np.sqrt(6 / 32)
    assert abs(float(kernel.var()) * 16 - 1) < 0.15
    np.testing.assert_array_equal(weights["blocks.*.dense.bias"], np.zeros((3, 16)))
    np.testing.assert_array_equal(state["blocks.*.batch_norm.var"], np.ones((3, 16)))
    assert {array.dtype for array in (*weights.values(), *state.values())} == {jnp.dtype("float32")}

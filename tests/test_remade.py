"""Combinators that make kernels anew: weight and spectral norm beside PyTorch's, how they start, and what they keep."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of
from peers import close, drawn

from dslc.initialize import initial
from dslc.lower import lower
from dslc.ops.base import OPS, Context

pytestmark = pytest.mark.usefixtures("float64")


def test_weight_norm_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    kernel, scale, by = drawn(3, 2, 5), drawn(5), drawn(3, 2, 5)
    op = OPS["weight_normed"]()

    def call(kernel: Any, scale: Any) -> Any:
        return op.apply({"scale": scale}, kernel, ctx=Context())

    found, back = jax.vjp(call, jnp.asarray(kernel), jnp.asarray(scale))
    v, g = (torch.tensor(array, requires_grad=True) for array in (kernel, scale))
    # Units last here, and the axis that PyTorch keeps is named.
    expected = torch._weight_norm(v, g.reshape(1, 1, 5), 2)
    expected.backward(torch.tensor(by))
    close(found, expected.detach().numpy(), "kernel")
    for ours, leaf, what in zip(back(jnp.asarray(by)), (v, g), ("by kernel", "by scale"), strict=True):
        close(ours, leaf.grad.numpy(), what)


def test_spectral_norm_finds_the_largest_singular_value() -> None:
    # Singular values 3, 1 and a half: each step takes a ninth of what is left.
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((3, 3)))[0] for _ in range(2))
    kernel = jnp.asarray(left @ np.diag([3.0, 1.0, 0.5]) @ right)
    op, state = OPS["spectral_normed"](), {"u": jnp.asarray(rng.standard_normal(3))}
    for _ in range(20):
        _, state = op.apply(state, kernel, ctx=Context(training=True))
    found, same = op.apply(state, kernel, ctx=Context())
    close(found, kernel / 3, "kernel")
    np.testing.assert_array_equal(same["u"], state["u"])


def test_spectral_norm_leaves_a_kernel_of_zeros_and_its_vector() -> None:
    op, u = OPS["spectral_normed"](), jnp.asarray([1.0, 2.0, 2.0])
    found, state = op.apply({"u": u}, jnp.zeros((4, 3)), ctx=Context(training=True))
    np.testing.assert_array_equal(found, 0)
    np.testing.assert_array_equal(state["u"], u)


def test_the_gradient_of_spectral_norm_takes_its_vectors_as_constants() -> None:
    torch = pytest.importorskip("torch")
    kernel, by, u = drawn(4, 3), drawn(4, 3), drawn(3)
    op = OPS["spectral_normed"]()
    _, back = jax.vjp(lambda kernel: op.apply({"u": jnp.asarray(u)}, kernel, ctx=Context())[0], jnp.asarray(kernel))
    leaf = torch.tensor(kernel, requires_grad=True)
    right = torch.tensor(u / np.linalg.norm(u))
    left = torch.nn.functional.normalize(leaf.detach() @ right, dim=0)
    (leaf / (left @ leaf @ right)).backward(torch.tensor(by))
    close(back(jnp.asarray(by))[0], leaf.grad.numpy(), "kernel")


def test_a_weight_normed_body_starts_as_the_body_does() -> None:
    normed = graph_of("model m { input x: [2, 8, 3]  output y = x -> weight_norm { conv(4, 3) -> relu -> dense(5) } }")
    plain = graph_of("model m { input x: [2, 8, 3]  output y = x -> conv(4, 3) -> relu -> dense(5) }")
    x = jnp.asarray(drawn(2, 8, 3), jnp.float32)
    weights, _ = initial(normed, jax.random.key(3))
    others, _ = initial(plain, jax.random.key(3))
    assert set(weights) == {*others, "conv.kernel_norm.scale", "dense.kernel_norm.scale"}
    found, expected = (lower(graph)(w, {}, {"x": x})[0]["y"] for graph, w in ((normed, weights), (plain, others)))
    # Both are float32, and the kernel is divided and multiplied by its length.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_layers_of_a_repeat_have_lengths_of_their_own() -> None:
    graph = graph_of("model m { input x: [2, 4]  output y = x -> repeat 3 { weight_norm { dense(4) -> relu } } }")
    weights, _ = initial(graph, jax.random.key(0))
    (kernel,) = [array for name, array in weights.items() if name.endswith("dense.kernel")]
    (scale,) = [array for name, array in weights.items() if name.endswith("kernel_norm.scale")]
    np.testing.assert_allclose(scale, np.linalg.norm(kernel, axis=1), rtol=1e-6)

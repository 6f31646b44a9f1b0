"""Norms and attention against PyTorch: outputs and gradients in 64 bits."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from peers import RNG, channels_first, channels_last, close, compare, drawn, weights_of
from samples import op_of

from dslc.ops.base import OPS, Context

pytestmark = pytest.mark.usefixtures("float64")

# Norms.


def test_layer_norm_agrees_with_pytorch() -> None:
    functional = pytest.importorskip("torch").nn.functional
    x = 3 + 5 * drawn(4, 3, 7)
    compare("layer_norm", lambda x, scale, bias: functional.layer_norm(x, (7,), scale, bias, 1e-5), x)
    compare("layer_norm(0.1, bias = false)", lambda x, scale: functional.layer_norm(x, (7,), scale, None, 0.1), x)


def test_rms_norm_agrees_with_pytorch() -> None:
    functional = pytest.importorskip("torch").nn.functional
    compare("rms_norm", lambda x, scale: functional.rms_norm(x, (7,), scale, 1e-6), 3 + drawn(4, 3, 7))


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_agrees_with_pytorch(training: bool) -> None:
    torch = pytest.importorskip("torch")
    x, mean, var = 3 + 5 * drawn(4, 3, 5, 7), drawn(7), drawn(7) ** 2
    running = torch.tensor(mean), torch.tensor(var)

    def peer(x: Any, scale: Any, bias: Any) -> Any:
        # PyTorch's momentum is the share of the batch.
        out = torch.nn.functional.batch_norm(channels_first(x), *running, scale, bias, training, 0.3, 1e-3)
        return channels_last(out)

    compare("batch_norm(momentum = 0.7, eps = 1e-3)", peer, x, training=training, mean=mean, var=var)
    weights = {role: jnp.ones(7) for role in ("scale", "bias")} | {"mean": jnp.asarray(mean), "var": jnp.asarray(var)}
    _, following = OPS["batch_norm"](0.7, 1e-3).apply(weights, jnp.asarray(x), ctx=Context(training))  # type: ignore[call-arg]
    close(following["mean"], running[0].numpy(), "mean")
    # PyTorch keeps the unbiased variance, dslc (as Keras) the biased one.
    rows = x.size // 7
    biased = 0.7 * var + 0.3 * x.reshape(-1, 7).var(0) if training else var
    close(following["var"], biased, "var")
    unbiased = 0.7 * var + 0.3 * x.reshape(-1, 7).var(0) * rows / (rows - 1) if training else var
    close(running[1].numpy(), unbiased, "PyTorch's var")


# Attention.


def attention_in_torch(
    x: Any, memory: Any, mask: Any, bias: Any, heads: int, groups: int, causal: bool, **weights: Any
) -> Any:
    """Attention written out with PyTorch's own `scaled_dot_product_attention`, leading axes at will."""
    torch = pytest.importorskip("torch")
    source = x if memory is None else memory
    if memory is None:
        units = weights["qkv_kernel"].shape[1] // (heads + 2 * groups)
        sizes = [heads * units, groups * units, groups * units]
        q, k, v = (x @ weights["qkv_kernel"] + weights["qkv_bias"]).split(sizes, -1)
    else:
        q = x @ weights["q_kernel"] + weights["q_bias"]
        k, v = (source @ weights["kv_kernel"] + weights["kv_bias"]).chunk(2, -1)
    q, k, v = (y.unflatten(-1, (n, -1)).transpose(-3, -2) for y, n in ((q, heads), (k, groups), (v, groups)))
    k, v = (y.repeat_interleave(heads // groups, -3) for y in (k, v))
    hidden = torch.zeros((*q.shape[:-1], k.shape[-2]), dtype=x.dtype)
    hidden = hidden if bias is None else hidden + bias
    if mask is not None:
        hidden = hidden.masked_fill(~mask, -torch.inf)
    if causal:
        hidden = hidden.masked_fill(~torch.ones(hidden.shape[-2:], dtype=torch.bool).tril(), -torch.inf)
    context = torch.nn.functional.scaled_dot_product_attention(q, k, v, hidden)
    return context.transpose(-3, -2).flatten(-2) @ weights["out_kernel"] + weights["out_bias"]


# The first key is always visible: PyTorch gives NaN for a row in which nothing is.
SEEN = RNG.random((2, 5, 7)) < 0.5
SEEN[..., 0] = True

# By name: text, x, memory, mask, how PyTorch gets the mask, position bias, heads, key heads, causal.
CASES: dict[str, tuple[Any, ...]] = {
    "plain": ("attention(2)", drawn(2, 5, 6), None, None, None, None, 2, 2, False),
    "causal": ("attention(2, causal = true)", drawn(2, 5, 6), None, None, None, None, 2, 2, True),
    "key heads": ("attention(4, kv_heads = 2, causal = true)", drawn(2, 5, 8), None, None, None, None, 4, 2, True),
    "one key head": ("attention(4, head_dim = 3, kv_heads = 1)", drawn(5, 8), None, None, None, None, 4, 1, False),
    "memory": ("attention(2)", drawn(2, 5, 6), drawn(2, 7, 3), None, None, None, 2, 2, False),
    "mask of keys": (
        "attention(2)",
        drawn(2, 5, 6),
        drawn(2, 7, 3),
        SEEN[:, 0],
        SEEN[:, 0][:, None, None],
        None,
        2,
        2,
        False,
    ),
    "mask": ("attention(2)", drawn(2, 5, 6), drawn(2, 7, 3), SEEN, SEEN[:, None], None, 2, 2, False),
    "window mask": ("attention(2)", drawn(3, 2, 5, 6), None, SEEN[:, :, :5], SEEN[:, None, :, :5], None, 2, 2, False),
    "position bias": ("attention(2)", drawn(3, 5, 6), None, None, None, drawn(2, 5, 5), 2, 2, False),
    "long": ("attention(2, causal = true)", drawn(2, 300, 6), None, None, None, None, 2, 2, True),
    "long and biased": (
        "attention(2, causal = true)",
        drawn(1, 300, 4),
        None,
        None,
        None,
        drawn(2, 300, 300),
        2,
        2,
        True,
    ),
    "long with a memory": (
        "attention(2)",
        drawn(2, 300, 6),
        drawn(2, 7, 3),
        SEEN[:, 0],
        SEEN[:, 0][:, None, None],
        None,
        2,
        2,
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_attention_agrees_with_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    text, x, memory, mask, full, bias, heads, groups, causal = CASES[name]

    def peer(x: Any, memory: Any, mask: Any, bias: Any, **weights: Any) -> Any:
        seen = None if full is None else torch.tensor(full)
        return attention_in_torch(x, memory, seen, bias, heads, groups, causal, **weights)

    compare(text, peer, x, memory, mask, bias)


def test_attention_agrees_with_multi_head_attention_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x, op = drawn(2, 5, 8), op_of("attention(4)")
    weights = weights_of(op, (x,))
    peer = torch.nn.MultiheadAttention(8, 4, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for ours, theirs in (
            ("qkv", (peer.in_proj_weight, peer.in_proj_bias)),
            ("out", (peer.out_proj.weight, peer.out_proj.bias)),
        ):
            theirs[0].copy_(torch.tensor(weights[f"{ours}.kernel"].T))
            theirs[1].copy_(torch.tensor(weights[f"{ours}.bias"]))
    expected, _ = peer(*(torch.tensor(x),) * 3)
    close(op.apply(weights, jnp.asarray(x), ctx=Context()), expected.detach().numpy(), "output")


def test_rotary_scores_depend_on_distance_alone() -> None:
    x, op = drawn(1, 12, 4), op_of("attention(1, rope = 100, causal = true, bias = false)")
    same = jnp.asarray(np.broadcast_to(x[:, :1], x.shape))
    eye = jnp.eye(4)
    weights = {"qkv.kernel": jnp.concatenate([eye, eye, eye], 1), "out.kernel": eye}
    _, saved = op.apply_saving(weights, same, ctx=Context())
    scores = np.asarray(saved["query"] @ saved["key"].swapaxes(-1, -2))[0, 0]
    for distance in range(12):
        line = np.diagonal(scores, -distance)
        close(line, np.full_like(line, line[0]), f"distance {distance}")
    # By hand: one pair turns by the distance, the other by a tenth of it; scaled by 1 / sqrt(4).
    a, b, c, d = x[0, 0]
    assert scores[3, 0] == pytest.approx(((a * a + c * c) * np.cos(3) + (b * b + d * d) * np.cos(0.3)) / 2, rel=1e-12)


def test_a_row_that_sees_nothing_gets_the_bias_alone() -> None:
    x, op = drawn(1, 3, 4), op_of("attention(2)")
    weights = weights_of(op, (x,))
    mask = np.zeros((1, 3, 3), bool)
    mask[0, 1:, 0] = True
    found = op.apply(weights, jnp.asarray(x), None, jnp.asarray(mask), None, ctx=Context())
    close(found[0, 0], weights["out.bias"], "output")

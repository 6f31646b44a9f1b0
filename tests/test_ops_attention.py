"""What norms and attention promise besides their formulas."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from peers import channels_first, close, drawn, weights_of
from samples import op_of

from dslc.ops.base import OPS, Context

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("training", [True, False])
def test_running_statistics_of_batch_norm_move_as_in_pytorch(training: bool) -> None:
    torch = pytest.importorskip("torch")
    x, mean, var = 3 + 5 * drawn(4, 3, 5, 7), drawn(7), drawn(7) ** 2
    running = torch.tensor(mean), torch.tensor(var)

    # PyTorch's momentum is the share of the batch.
    torch.nn.functional.batch_norm(channels_first(torch.tensor(x)), *running, None, None, training, 0.3, 1e-3)
    weights = {role: jnp.ones(7) for role in ("scale", "bias")} | {"mean": jnp.asarray(mean), "var": jnp.asarray(var)}
    _, following = OPS["batch_norm"](0.7, 1e-3).apply(weights, jnp.asarray(x), ctx=Context(training))  # type: ignore[call-arg]
    close(following["mean"], running[0].numpy(), "mean")
    # PyTorch keeps the unbiased variance, dslc (as Keras) the biased one.
    rows = x.size // 7
    biased = 0.7 * var + 0.3 * x.reshape(-1, 7).var(0) if training else var
    close(following["var"], biased, "var")
    unbiased = 0.7 * var + 0.3 * x.reshape(-1, 7).var(0) * rows / (rows - 1) if training else var
    close(running[1].numpy(), unbiased, "PyTorch's var")


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


def test_attend_is_attention_without_its_maps() -> None:
    x = jnp.asarray(drawn(2, 300, 8))
    eye, zeros = jnp.eye(8), jnp.zeros(8)
    weights = {
        "qkv.kernel": jnp.concatenate([eye] * 3, 1),
        "qkv.bias": jnp.zeros(24),
        "out.kernel": eye,
        "out.bias": zeros,
    }
    settings = "2, causal = true, rope = 100"

    def loss(text: str, weights: Any, x: Any) -> Any:
        inputs = (x,) if text == "attention" else (x, x, x)
        return (jnp.sin(op_of(f"{text}({settings})").apply(weights, *inputs, ctx=Context()))).sum()

    found, expected = (
        jax.value_and_grad(lambda x, t=t, w=w: loss(t, w, x))(x) for t, w in (("attend", {}), ("attention", weights))
    )
    close(found[0], expected[0], "output")
    close(found[1], expected[1], "gradient")


def test_linear_attention_of_16_bits_has_its_scores_in_32() -> None:
    op = op_of("linear_attention(1, head_dim = 1, bias = false)")
    # The first feature is query and key, the second one the value.
    held = {"qkv.kernel": [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "out.kernel": [[1.0, 0.0]]}
    weights = {role: jnp.asarray(array, jnp.bfloat16) for role, array in held.items()}
    found = op.apply(weights, jnp.asarray([[[-6.0, 1.0], [-5.5, 0.0]]], jnp.bfloat16), ctx=Context())
    # Scores of exp(-6) and exp(-5.5) by hand; the sum of a rounded elu and of 1 is the same for both, a share of a half.
    np.testing.assert_allclose(np.asarray(found, np.float32)[0, :, 0], 1 / (1 + np.exp(0.5)), rtol=2**-8)

"""Norms of groups, windows of attention, rims, and attention without weights, against PyTorch and reference code."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from peers import channels_first, channels_last, close, compare, drawn
from samples import op_of

from dslc.ops.base import Context

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("shape", [(3, 6), (2, 4, 6), (2, 3, 4, 6)])
def test_group_norm_agrees_with_pytorch(shape: tuple[int, ...]) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, scale: Any, bias: Any) -> Any:
        return channels_last(functional.group_norm(channels_first(x), 3, scale, bias, 1e-3))

    compare("group_norm(3, eps = 1e-3)", peer, 3 + 5 * drawn(*shape))


@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm_agrees_with_pytorch(affine: bool) -> None:
    functional = pytest.importorskip("torch").nn.functional

    def peer(x: Any, scale: Any = None, bias: Any = None) -> Any:
        return channels_last(functional.instance_norm(channels_first(x), weight=scale, bias=bias))

    compare(f"instance_norm(affine = {str(affine).lower()})", peer, 3 + 5 * drawn(2, 4, 5, 3))


@pytest.mark.parametrize("mode, theirs", [("zeros", "constant"), ("reflect", "reflect"), ("edge", "replicate")])
def test_rims_agree_with_pytorch(mode: str, theirs: str) -> None:
    functional = pytest.importorskip("torch").nn.functional
    # PyTorch begins with the last axis.
    compare(
        f'pad(((1, 2), 3), "{mode}")',
        lambda x: channels_last(functional.pad(channels_first(x), (3, 3, 1, 2), theirs)),
        drawn(2, 4, 5, 3),
    )


def reference_mask(h: int, w: int, window: int, offset: int) -> np.ndarray:
    """As the code of the paper does it: number the nine regions of the rolled image, and compare within each window."""
    image = np.zeros((h, w))
    bounds = (slice(0, -window), slice(-window, -offset), slice(-offset, None))
    for number, (rows, columns) in enumerate((rows, columns) for rows in bounds for columns in bounds):
        image[rows, columns] = number
    windows = [image[i : i + window, j : j + window].ravel() for i in range(0, h, window) for j in range(0, w, window)]
    return np.stack([window[:, None] == window[None, :] for window in windows])


@pytest.mark.parametrize("h, w, window, offset", [(8, 12, 4, 2), (14, 14, 7, 3), (6, 3, 3, 1), (7, 7, 7, 3)])
def test_the_mask_of_shifted_windows_is_that_of_the_paper(h: int, w: int, window: int, offset: int) -> None:
    found = op_of(f"shifted_window_mask({h}, {w}, {window}, {offset})").apply({}, ctx=Context())
    np.testing.assert_array_equal(found, reference_mask(h, w, window, offset))


@pytest.mark.parametrize("height, width", [(2, 3), (3, 3)])
def test_relative_position_bias_is_that_of_the_paper(height: int, width: int) -> None:
    torch = pytest.importorskip("torch")

    def peer(table: Any) -> Any:
        # As torchvision does it.
        places = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")).flatten(1)
        way = (places[:, :, None] - places[:, None, :]).permute(1, 2, 0).contiguous()
        rows = (way[..., 0] + height - 1) * (2 * width - 1) + way[..., 1] + width - 1
        return table[rows.flatten()].view(height * width, height * width, -1).permute(2, 0, 1)

    compare(f"relative_position_bias_2d(4, ({height}, {width}))", peer)


SEEN = np.random.default_rng(1).random((2, 5, 7)) < 0.5
SEEN[..., 0] = True  # PyTorch gives NaN for a row in which nothing is visible.


@pytest.mark.parametrize("heads, groups, causal, seen", [(2, 2, False, None), (4, 2, True, None), (2, 1, False, SEEN)])
def test_attend_agrees_with_pytorch(heads: int, groups: int, causal: bool, seen: Any) -> None:
    torch = pytest.importorskip("torch")
    keys = 5 if seen is None else 7
    q, k, v = drawn(2, 5, 4 * heads), drawn(2, keys, 4 * groups), drawn(2, keys, 3 * groups)
    bias = drawn(heads, 5, keys)

    def peer(q: Any, k: Any, v: Any, mask: Any, bias: Any) -> Any:
        q, k, v = (x.unflatten(-1, (n, -1)).transpose(1, 2) for x, n in ((q, heads), (k, groups), (v, groups)))
        k, v = (x.repeat_interleave(heads // groups, 1) for x in (k, v))
        hidden = bias if mask is None else bias.masked_fill(~mask[:, None], -torch.inf)
        if causal:
            hidden = hidden.masked_fill(~torch.ones(5, keys, dtype=torch.bool).tril(), -torch.inf)
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v, hidden)
        return out.transpose(1, 2).flatten(2)

    text = f"attend({heads}, kv_heads = {groups}, causal = {str(causal).lower()})"
    compare(text, peer, q, k, v, seen, bias)


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

"""Attention, its masks and its positions."""

import math
from typing import Any

import numpy as np

from oracles.base import F, Oracle, oracle, seen, torch

Settings = tuple[int, int, bool]


def _heads(x: Any, count: int) -> Any:
    return x.unflatten(-1, (count, -1)).transpose(-3, -2)


def attended(q: Any, k: Any, v: Any, mask: Any, bias: Any, settings: Settings) -> Any:
    """PyTorch's own `scaled_dot_product_attention` of maps that lie side by side, leading axes at will."""
    heads, groups, causal = settings
    q, k, v = _heads(q, heads), _heads(k, groups), _heads(v, groups)
    k, v = (y.repeat_interleave(heads // groups, -3) for y in (k, v))
    hidden = torch.zeros((*q.shape[:-1], k.shape[-2]), dtype=q.dtype)
    hidden = hidden if bias is None else hidden + bias
    if mask is not None:
        wide = mask[:, None, None] if mask.ndim == 2 else mask[..., None, :, :]
        hidden = hidden.masked_fill(~wide, -torch.inf)
    if causal:
        hidden = hidden.masked_fill(~torch.ones(hidden.shape[-2:], dtype=torch.bool).tril(), -torch.inf)
    return F.scaled_dot_product_attention(q, k, v, hidden).transpose(-3, -2).flatten(-2)


def _attention(text: str, settings: Settings, *cases: Any) -> Oracle:
    def peer(x: Any, memory: Any = None, mask: Any = None, bias: Any = None, **weights: Any) -> Any:
        heads, groups, _ = settings
        if memory is None:
            joined = x @ weights["qkv_kernel"] + weights["qkv_bias"]
            units = joined.shape[-1] // (heads + 2 * groups)
            q, k, v = joined.split([heads * units, groups * units, groups * units], -1)
        else:
            q = x @ weights["q_kernel"] + weights["q_bias"]
            k, v = (memory @ weights["kv_kernel"] + weights["kv_bias"]).chunk(2, -1)
        return attended(q, k, v, mask, bias, settings) @ weights["out_kernel"] + weights["out_bias"]

    return oracle(text, "PyTorch `scaled_dot_product_attention`", peer, *cases)


def _attend(text: str, settings: Settings, *cases: Any) -> Oracle:
    def peer(q: Any, k: Any, v: Any, mask: Any = None, bias: Any = None) -> Any:
        return attended(q, k, v, mask, bias, settings)

    return oracle(text, "PyTorch `scaled_dot_product_attention`", peer, *cases)


def _rope(x: Any) -> Any:
    first, second = x.chunk(2, -1)
    frequency = 100.0 ** (-torch.arange(3, dtype=torch.float64) / 3)
    angle = torch.arange(x.shape[-2], dtype=torch.float64)[:, None] * frequency
    turned = torch.complex(first, second) * torch.polar(torch.ones_like(angle), angle)
    return torch.cat([turned.real, turned.imag], -1)


def _t5(bidirectional: bool) -> Any:
    """As T5's own code has it."""

    def peer(x: Any, memory: Any, table: Any) -> Any:
        ahead = torch.arange(memory.shape[-2])[None, :] - torch.arange(x.shape[-2])[:, None]
        count, rows = 32, torch.zeros_like(ahead)
        if bidirectional:
            count //= 2
            rows = rows + (ahead > 0).long() * count
            distance = ahead.abs()
        else:
            distance = -torch.min(ahead, torch.zeros_like(ahead))
        exact = count // 2
        far = exact + (torch.log(distance.double() / exact) / math.log(128 / exact) * (count - exact)).long()
        far = torch.min(far, torch.full_like(far, count - 1))
        return table[rows + torch.where(distance < exact, distance, far)].permute(2, 0, 1)

    return peer


def _window_bias(height: int, width: int) -> Oracle:
    """As torchvision does it."""

    def peer(table: Any) -> Any:
        places = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")).flatten(1)
        way = (places[:, :, None] - places[:, None, :]).permute(1, 2, 0).contiguous()
        rows = (way[..., 0] + height - 1) * (2 * width - 1) + way[..., 1] + width - 1
        return table[rows.flatten()].view(height * width, height * width, -1).permute(2, 0, 1)

    return oracle(f"relative_position_bias_2d(4, ({height}, {width}))", "torchvision's index, in PyTorch", peer, ())


def _shifted(h: int, w: int, window: int, offset: int) -> Oracle:
    def peer() -> Any:
        # As the code of the paper: number the nine regions of the rolled image, and compare within each window.
        image = np.zeros((h, w))
        bounds = (slice(0, -window), slice(-window, -offset), slice(-offset, None))
        for number, (rows, columns) in enumerate((rows, columns) for rows in bounds for columns in bounds):
            image[rows, columns] = number
        steps = [(i, j) for i in range(0, h, window) for j in range(0, w, window)]
        windows = [image[i : i + window, j : j + window].ravel() for i, j in steps]
        return torch.tensor(np.stack([window[:, None] == window[None, :] for window in windows]))

    return oracle(f"shifted_window_mask({h}, {w}, {window}, {offset})", "the code of the paper, in NumPy", peer, ())


def _alibi(x: Any) -> Any:
    places = torch.arange(x.shape[-2], dtype=torch.float64)
    slopes = 0.5 ** torch.arange(1, 9, dtype=torch.float64)
    return -slopes[:, None, None] * (places[:, None] - places[None, :]).abs()


def _additive(query: Any, memory: Any, mask: Any = None, **weights: Any) -> Any:
    scores = torch.tanh(
        (query @ weights["q_kernel"])[..., :, None, :] + (memory @ weights["k_kernel"])[..., None, :, :]
    )
    scores = (scores @ weights["score_kernel"])[..., 0]
    if mask is not None:
        scores = scores.masked_fill(~(mask[:, None] if mask.ndim == 2 else mask), -torch.inf)
    return torch.softmax(scores, -1) @ memory


def _linear(causal: bool) -> Oracle:
    """All pairs of positions, as the definition has it."""

    def peer(x: Any, mask: Any = None, **weights: Any) -> Any:
        q, k, v = (_heads(y, 2) for y in (x @ weights["qkv_kernel"] + weights["qkv_bias"]).chunk(3, -1))
        scores = (F.elu(q) + 1) @ (F.elu(k) + 1).transpose(-1, -2)
        scores = scores.tril() if causal else scores
        scores = scores if mask is None else scores * mask[:, None, None]
        out = (scores / scores.sum(-1, keepdim=True)) @ v
        return out.transpose(-3, -2).flatten(-2) @ weights["out_kernel"] + weights["out_bias"]

    text = f"linear_attention(2, causal = {str(causal).lower()})"
    cases = ("[2, 5, 6]", "[1, 1, 2]", "[1, 150, 4]", ("[3, 7, 6]", seen(3, 7) if not causal else FIRST))
    return oracle(text, "PyTorch, all pairs of positions", peer, *cases)


FIRST = np.arange(7)[None, :] < np.array([[7], [3], [1]])

ORACLES = [
    oracle(
        "additive_attention(4)", "PyTorch, written out", _additive,
        ("[3, 1, 5]", "[3, 7, 2]"), ("[1, 3, 1]", "[1, 1, 1]"), ("[2, 5, 6]", "[2, 7, 3]", seen(2, 7)),
        ("[2, 5, 6]", "[2, 7, 3]", seen(2, 5, 7)),
    ),
    _linear(causal=False),
    _linear(causal=True),
    _attention(
        "attention(2)", (2, 2, False), "[2, 5, 6]", "[1, 1, 2]", ("[2, 5, 6]", "[2, 7, 3]"),
        ("[2, 5, 6]", "[2, 7, 3]", seen(2, 7)), ("[2, 5, 6]", "[2, 7, 3]", seen(2, 5, 7)),
        ("[3, 2, 5, 6]", None, seen(2, 5, 5)), ("[3, 5, 6]", None, None, "[2, 5, 5]"),
        ("[2, 300, 6]", "[2, 7, 3]", seen(2, 7)),
    ),
    _attention(
        "attention(2, causal = true)", (2, 2, True), "[2, 5, 6]", "[2, 300, 6]",
        ("[1, 300, 4]", None, None, "[2, 300, 300]"),
    ),
    _attention("attention(4, kv_heads = 2, causal = true)", (4, 2, True), "[2, 5, 8]"),
    _attention("attention(4, head_dim = 3, kv_heads = 1)", (4, 1, False), "[5, 8]"),
    _attend("attend(2)", (2, 2, False), ("[2, 5, 8]", "[2, 5, 8]", "[2, 5, 6]", None, "[2, 5, 5]")),
    _attend("attend(4, kv_heads = 2, causal = true)", (4, 2, True), ("[2, 5, 16]", "[2, 5, 8]", "[2, 5, 6]")),
    _attend("attend(2, kv_heads = 1)", (2, 1, False), ("[2, 5, 8]", "[2, 7, 4]", "[2, 7, 3]", seen(2, 5, 7), "[2, 5, 7]")),
    oracle("rope(100)", "PyTorch's complex numbers", _rope, "[2, 3, 7, 6]", "[1, 6]"),
    *(
        oracle(
            f"relative_position_bias(3, bidirectional = {str(both).lower()})", "T5's own code, in PyTorch", _t5(both),
            ("[2, 150, 4]", "[2, 170, 4]"), ("[1, 4]", "[3, 4]"),
        )
        for both in (False, True)
    ),
    _window_bias(2, 3),
    _window_bias(3, 3),
    *(_shifted(*sizes) for sizes in ((8, 12, 4, 2), (14, 14, 7, 3), (6, 3, 3, 1), (7, 7, 7, 3))),
    oracle("alibi(8)", "the slopes of the paper, in PyTorch", _alibi, "[5, 1]", "[2, 1, 3]"),
]  # fmt: skip

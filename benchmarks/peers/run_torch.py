"""PyTorch, eager, as a person writes it."""

import time
from typing import Any

import numpy as np
import torch
from peers.timing import Timing
from peers.workloads import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH, Workload, data
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv(width, width, 1), nn.ReLU(), *conv(width, width, 1))

    def forward(self, x: Any) -> Any:
        return F.relu(x + self.body(x))


def conv(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)]


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Any) -> Any:
        batch, seq, width = x.shape
        parts = self.qkv(self.ln1(x)).view(batch, seq, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, seq, width))
        return x + self.mlp(self.ln2(x))


class Gpt(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(VOCAB, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks, self.ln = nn.Sequential(*(Block() for _ in range(LAYERS))), nn.LayerNorm(WIDTH)

    def forward(self, tokens: Any) -> Any:
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        return (self.ln(self.blocks(x)) @ self.wte.weight.T).flatten(0, 1)


def model(name: str) -> nn.Module:
    if name == "mlp":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.4), nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.3),
            nn.Linear(128, 10),
        )  # fmt: skip
    if name == "conv":
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)]
        return nn.Sequential(*conv(1, 16, 1), nn.ReLU(), Residual(16), *conv(16, 32, 2), nn.ReLU(), Residual(32), *pool)
    return Gpt()


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    torch.manual_seed(0)
    rows = {name: torch.from_numpy(array) for name, array in data(workload).items()}
    if "image" in rows:
        rows["image"] = rows["image"].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    inputs, target = rows.get("image", rows.get("tokens")), rows.get("label", rows.get("target"))
    assert inputs is not None and target is not None
    target = target.long()
    net = model(workload.name).train()
    if workload.name == "conv":
        net = net.to(memory_format=torch.channels_last)
    kind = torch.optim.AdamW if workload.name == "gpt" else torch.optim.Adam
    rule = kind(net.parameters(), lr=workload.lr, fused=True)

    def stretch(count: int) -> None:
        order = torch.from_numpy(np.random.default_rng(0).permutation(workload.rows))
        for number in range(count):
            index = order[number * workload.batch : (number + 1) * workload.batch]
            rule.zero_grad(set_to_none=True)
            F.cross_entropy(net(inputs[index]), target[index].flatten()).backward()
            rule.step()

    stretch(workload.steps)
    timing = Timing(time.perf_counter() - begun, workload.steps)
    for _ in range(stretches):
        begun = time.perf_counter()
        stretch(workload.steps)
        timing.add(time.perf_counter() - begun)
    return timing

"""PyTorch: eager with a fused optimizer and `channels_last` where there are images, or the same through `torch.compile`."""

import time
from typing import Any

import numpy as np
import torch
from peers.models_torch import MODELS
from peers.timing import Timing
from peers.workloads import BETA2, DECAY, Workload, data
from torch.nn import functional as F


def optimizer(workload: Workload, parameters: Any) -> Any:
    match workload.rule:
        case "adamw":
            betas = (0.9, BETA2.get(workload.name, 0.999))
            return torch.optim.AdamW(parameters, workload.lr, betas, weight_decay=DECAY[workload.name], fused=True)
        case "sgd":
            return torch.optim.SGD(parameters, workload.lr, momentum=0.9, fused=True)
        case _:
            return torch.optim.Adam(parameters, workload.lr, fused=True)


def run(workload: Workload, way: str, stretches: int) -> Timing:
    """Times of the first step and of the steps after it."""
    begun = time.perf_counter()
    torch.manual_seed(0)
    rows = {name: torch.from_numpy(array) for name, array in data(workload).items()}
    inputs, target = next(iter(rows.values())), list(rows.values())[1].long()
    net = MODELS[workload.name]().train()
    if workload.name == "resnet20":
        inputs = inputs.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        net = net.to(memory_format=torch.channels_last)
    rule = optimizer(workload, net.parameters())
    called = torch.compile(net) if way == "compile" else net

    def stretch() -> None:
        for epoch in range(workload.epochs):
            order = torch.from_numpy(np.random.default_rng(epoch).permutation(workload.rows))
            for number in range(workload.steps):
                index = order[number * workload.batch : (number + 1) * workload.batch]
                rule.zero_grad(set_to_none=True)
                F.cross_entropy(called(inputs[index]), target[index].flatten()).backward()
                rule.step()

    stretch()
    parameters = sum(leaf.numel() for leaf in net.parameters())
    timing = Timing(time.perf_counter() - begun, workload.stretch, parameters)
    for _ in range(stretches):
        begun = time.perf_counter()
        stretch()
        timing.add(time.perf_counter() - begun)
    return timing

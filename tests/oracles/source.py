"""Tensors made from settings alone."""

from oracles.base import oracle, torch

ORACLES = [
    oracle("full([3, 1], 2.5)", "PyTorch `full`", lambda: torch.full((3, 1), 2.5), ()),
    # Steps of a half are exact in 32 bits, which the op gives.
    oracle("linspace(1.0, 3.0, 5)", "PyTorch `linspace`", lambda: torch.linspace(1.0, 3.0, 5), ()),
    oracle("ones([1, 5])", "PyTorch `ones`", lambda: torch.ones(1, 5), ()),
    oracle("range(7)", "PyTorch `arange`", lambda: torch.arange(7), ()),
    oracle("zeros([3])", "PyTorch `zeros`", lambda: torch.zeros(3), ()),
]

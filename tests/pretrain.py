"""Trains the PyTorch network whose weights `examples/learning/finetune.safetensors` holds: `python tests/pretrain.py`."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits

FILE = Path(__file__).parents[1] / "examples" / "learning" / "finetune.safetensors"


def main() -> None:
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    chosen = labels < 5
    x = torch.tensor(images[chosen] / 16, dtype=torch.float32)
    y = torch.tensor(labels[chosen])
    network = torch.nn.Sequential(
        torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 5)
    )
    rule = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(200):
        rule.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        rule.step()
    save_file(network.state_dict(), FILE)


if __name__ == "__main__":
    main()

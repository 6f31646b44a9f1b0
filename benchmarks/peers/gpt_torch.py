"""A GPT in plain PyTorch, as fast as PyTorch makes it by itself: bf16, fused attention and optimizer, `torch.compile`.

Started by `benchmarks/gpu.py` as a process of its own; reads lines (`run 250`, `measure`) and answers each with one of JSON.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from peers.gpt import Setting, characters, drawn
from torch import nn
from torch.nn import functional as F

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Block(nn.Module):
    def __init__(self, s: Setting) -> None:
        super().__init__()
        self.heads, self.rate = s.heads, s.rate
        self.ln_1, self.ln_2 = (nn.LayerNorm(s.width, bias=False) for _ in range(2))
        self.qkv, self.out = (nn.Linear(s.width, n * s.width, bias=False) for n in (3, 1))
        self.up = nn.Linear(s.width, 4 * s.width, bias=False)
        self.down = nn.Linear(4 * s.width, s.width, bias=False)
        self.drop = nn.Dropout(s.rate)

    def forward(self, x: Any) -> Any:
        batch, seq, width = x.shape
        parts = self.qkv(self.ln_1(x)).chunk(3, -1)
        q, k, v = [part.view(batch, seq, self.heads, -1).transpose(1, 2) for part in parts]
        rate = self.rate if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
        x = x + self.drop(self.out(y.transpose(1, 2).reshape(batch, seq, width)))
        return x + self.drop(self.down(F.gelu(self.up(self.ln_2(x)))))


class Gpt(nn.Module):
    def __init__(self, s: Setting) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(s.vocab, s.width), nn.Embedding(s.context, s.width)
        self.drop, self.ln_f = nn.Dropout(s.rate), nn.LayerNorm(s.width, bias=False)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.layers))
        for name, weight in self.named_parameters():
            if weight.ndim > 1:
                deep = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(weight, 0.0, 0.02 / math.sqrt(2 * s.layers) if deep else 0.02)

    def forward(self, tokens: Any, target: Any) -> Any:
        x = self.drop(self.wte(tokens) + self.wpe.weight[: tokens.shape[1]])
        for block in self.blocks:
            x = block(x)
        logits = self.ln_f(x) @ self.wte.weight.T
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())


class Training:
    """One run, a stretch at a time."""

    def __init__(self, setting: Setting, text: str | None) -> None:
        torch.manual_seed(0)
        torch.set_float32_matmul_precision("high")
        self.setting, self.step = setting, 0
        self.net = Gpt(setting).to(DEVICE)
        self.called: Callable[..., Any] = torch.compile(self.net) if DEVICE == "cuda" else self.net
        flat = [weight for weight in self.net.parameters() if weight.ndim < 2]
        deep = [weight for weight in self.net.parameters() if weight.ndim > 1]
        groups = [{"params": deep, "weight_decay": setting.decay}, {"params": flat, "weight_decay": 0.0}]
        self.rule = torch.optim.AdamW(groups, setting.lr, (0.9, setting.beta2), fused=True)
        if text is None:
            self.rows = {name: torch.from_numpy(array).long().to(DEVICE) for name, array in drawn(setting).items()}
        else:
            self.train, self.held = (torch.from_numpy(part).long().to(DEVICE) for part in characters(text)[:2])

    @property
    def parameters(self) -> int:
        return sum(weight.numel() for weight in self.net.parameters())

    def run(self, steps: int) -> dict[str, float]:
        """Seconds for so many steps, and the last loss."""
        self.net.train()
        begun, loss = time.perf_counter(), None
        for _ in range(steps):
            for part in self.rule.param_groups:
                part["lr"] = self.rate()
            for number in range(self.setting.micro):
                with self._half():
                    loss = self.called(*self._batch(number))
                (loss / self.setting.micro).backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), self.setting.clip)
            self.rule.step()
            self.rule.zero_grad(set_to_none=True)
            self.step += 1
        value = float(loss.item()) if loss is not None else math.nan  # waits for the device
        return {"seconds": time.perf_counter() - begun, "loss": value}

    def measure(self) -> dict[str, float]:
        """The loss over all windows of what is held out, which do not overlap."""
        self.net.eval()
        context, rows = self.setting.context, self.setting.rows
        starts = torch.arange(0, len(self.held) - context, context, device=DEVICE)
        total = 0.0
        with torch.no_grad(), self._half():
            for part in starts.split(rows):
                tokens, target = self._windows(self.held, part)
                # Eagerly: the last batch has another shape, which would be compiled for itself.
                total += float(self.net(tokens, target)) * len(part)
        return {"loss": total / len(starts)}

    def rate(self) -> float:
        """The learning rate of this step."""
        s = self.setting
        if self.step < s.warmup:
            return s.lr * (self.step + 1) / s.warmup
        share = (self.step - s.warmup) / max(s.length - s.warmup, 1)
        return s.floor + (s.lr - s.floor) * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))

    def _half(self) -> Any:
        return torch.autocast(DEVICE, torch.bfloat16) if DEVICE == "cuda" else nullcontext()

    def _batch(self, number: int) -> tuple[Any, Any]:
        rows, context = self.setting.rows, self.setting.context
        if hasattr(self, "rows"):
            part = slice(number * rows, (number + 1) * rows)
            return self.rows["tokens"][part], self.rows["target"][part]
        return self._windows(self.train, torch.randint(len(self.train) - context, (rows,), device=DEVICE))

    def _windows(self, ids: Any, starts: Any) -> tuple[Any, Any]:
        places = starts[:, None] + torch.arange(self.setting.context, device=DEVICE)
        return ids[places], ids[places + 1]


def main() -> None:
    setting = Setting(**json.loads(sys.argv[1]))
    training = Training(setting, Path(sys.argv[2]).read_text("utf-8") if len(sys.argv) > 2 else None)
    print(json.dumps({"parameters": training.parameters, "device": DEVICE, "version": torch.__version__}), flush=True)
    for line in sys.stdin:
        word, *given = line.split()
        answer = training.run(int(given[0])) if word == "run" else training.measure()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

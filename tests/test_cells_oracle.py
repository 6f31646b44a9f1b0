"""Cells written in the language against the modules of PyTorch: outputs and all gradients, in double precision."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of

from dslc.bind import bind, dims_of
from dslc.differentiate import differentiate, gradient_name
from dslc.initialize import initial
from dslc.lower import lower
from dslc.optimize import optimize

torch = pytest.importorskip("torch")

BOUND = 1e-9  # relative to the largest of each array; what double precision leaves after some dozens of steps is 1e-14
BATCH, TIME, WIDTH, UNITS = 3, 7, 5, 4

LSTM = """
block lstm_by_hand(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  carry  cell: [batch, units] = zeros
  gates  = (x -> dense(4 * units) as of_x) + (h -> dense(4 * units) as of_h)
  i, f, g, o = gates -> split(4)
  kept   = (f -> sigmoid) * cell + (i -> sigmoid) * (g -> tanh)
  output out = (o -> sigmoid) * (kept -> tanh)
  next   h = out
  next   cell = kept
}
model m { input x: [batch, time, 5]  output y = x -> scan { lstm_by_hand(4) }  output loss = y * y * y -> sum }
"""

GRU = """
block gru_by_hand(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  rx, zx, nx = x -> dense(3 * units) as of_x -> split(3)
  rh, zh, nh = h -> dense(3 * units) as of_h -> split(3)
  z      = zx + zh -> sigmoid
  n      = nx + (rx + rh -> sigmoid) * nh -> tanh
  output new = z * h + (1 - z) * n
  next   h = new
}
model m { input x: [batch, time, 5]  output y = x -> scan { gru_by_hand(4) }  output loss = y * y * y -> sum }
"""

DECODER = """
block additive_attention(units) {
  input  query:  [batch, q]
  input  memory: [batch, source, m]
  score  = (query -> dense(units, bias = false) as of_query)[:, none, :] + (memory -> dense(units) as of_memory)
           -> tanh -> dense(1, bias = false) as of_score -> squeeze
  weight = score -> softmax
  output context = (weight[:, :, none] * memory) -> sum(axis = 1)
}
block decoder(units) {
  input  word: [batch, c]
  input  memory: [batch, source, m]
  input  start: [batch, units]
  carry  s: [batch, units] = start
  context = (s, memory) -> additive_attention(units) as attend
  rx, zx, nx = (word, context) -> concat -> dense(3 * units) as of_x -> split(3)
  rh, zh, nh = s -> dense(3 * units) as of_h -> split(3)
  z      = zx + zh -> sigmoid
  n      = nx + (rx + rh -> sigmoid) * nh -> tanh
  new    = z * s + (1 - z) * n
  next   s = new
  output out = (new, context) -> concat
}
model m {
  input  x: [batch, time, 5]
  input  memory: [batch, source, 6]
  start  = memory[:, 0] -> dense(4) as first -> tanh
  output y = x -> scan { (it, memory, start) -> decoder(4) as step }
  output loss = y * y * y -> sum
}
"""


class Decoder(torch.nn.Module):
    """Bahdanau, Cho and Bengio, 2014, as a loop over PyTorch's own modules."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(6, UNITS)
        self.of_query = torch.nn.Linear(UNITS, UNITS, bias=False)
        self.of_memory = torch.nn.Linear(6, UNITS)
        self.of_score = torch.nn.Linear(UNITS, 1, bias=False)
        self.cell = torch.nn.GRUCell(WIDTH + 6, UNITS)

    def forward(self, x: Any, memory: Any) -> Any:
        s, rows = torch.tanh(self.first(memory[:, 0])), []
        for t in range(x.shape[1]):
            score = self.of_score(torch.tanh(self.of_query(s)[:, None] + self.of_memory(memory)))[..., 0]
            context = (torch.softmax(score, -1)[..., None] * memory).sum(1)
            s = self.cell(torch.cat([x[:, t], context], -1), s)
            rows.append(torch.cat([s, context], -1))
        return torch.stack(rows, 1)


RECURRENT = {"of_x.kernel": "weight_ih", "of_h.kernel": "weight_hh", "of_x.bias": "bias_ih", "of_h.bias": "bias_hh"}


def drawn(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def ours(text: str, inputs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Weights, and the function that gives outputs and gradients after all passes."""
    with jax.enable_x64(True):
        graph = graph_of(text)
        graph = bind(graph, dims_of(graph, {name: array.shape for name, array in inputs.items()}))
        weights, _ = initial(graph, jax.random.key(0))
        weights = {name: jnp.asarray(drawn(*w.shape, seed=len(name))) for name, w in weights.items()}
        leaner, _ = optimize(graph, "training")
        joint = differentiate(leaner, "loss", (*weights, *inputs))
        found, _ = jax.jit(lambda w, i: lower(joint)(w, {}, i, training=True))(weights, inputs)
        return {name: np.asarray(w) for name, w in weights.items()}, {n: np.asarray(f) for n, f in found.items()}


def close(found: Any, wanted: Any) -> None:
    assert np.abs(found - wanted).max() <= BOUND * max(1.0, np.abs(wanted).max())


def compare(module: Any, names: dict[str, str], text: str, inputs: dict[str, Any]) -> None:
    """Our outputs and gradients with those of a module that is given our weights: kernels are turned round there."""
    weights, found = ours(text, inputs)
    assert set(names) == set(weights)
    theirs = dict(module.named_parameters())
    with torch.no_grad():
        for path, name in names.items():
            theirs[name].copy_(torch.tensor(weights[path].T))
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in inputs.items()}
    y = module(*tensors.values())
    y = y[0] if isinstance(y, tuple) else y
    (y**3).sum().backward()
    close(found["y"], y.detach().numpy())
    for name, tensor in tensors.items():
        close(found[gradient_name(name)], tensor.grad.numpy())
    for path, name in names.items():
        close(found[gradient_name(path)], theirs[name].grad.numpy().T)


@pytest.mark.parametrize(("kind", "text"), [("LSTM", LSTM), ("GRU", GRU)])
def test_a_cell_in_the_language_gives_the_numbers_of_a_module(kind: str, text: str):
    module = getattr(torch.nn, kind)(WIDTH, UNITS, batch_first=True).double()
    block = f"{kind.lower()}_by_hand"
    names = {f"{block}.{ours}": f"{theirs}_l0" for ours, theirs in RECURRENT.items()}
    compare(module, names, text, {"x": drawn(BATCH, TIME, WIDTH)})


def test_an_attention_decoder_in_the_language_gives_the_numbers_of_modules():
    names = {f"step.{ours}": f"cell.{theirs}" for ours, theirs in RECURRENT.items()}
    names |= {f"first.{role}": f"first.{theirs}" for role, theirs in (("kernel", "weight"), ("bias", "bias"))}
    names |= {f"step.attend.{part}.kernel": f"{part}.weight" for part in ("of_query", "of_memory", "of_score")}
    names["step.attend.of_memory.bias"] = "of_memory.bias"
    compare(Decoder().double(), names, DECODER, {"x": drawn(BATCH, TIME, WIDTH), "memory": drawn(BATCH, 6, 6, seed=1)})

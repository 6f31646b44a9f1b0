"""Recurrent layers and cells beside those of PyTorch with the same weights: outputs and all gradients in 64 bits."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from peers import close, compare, drawn, gradients, weights_of
from samples import op_of

from dslc.ops.base import Context
from dslc.types import Type

pytestmark = pytest.mark.usefixtures("float64")

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
LENGTHS = [6, 4, 1]
X = drawn(BATCH, TIME, FEATURES)
STARTS = (drawn(BATCH, UNITS), drawn(BATCH, UNITS))
MASK = np.arange(TIME)[None, :] < np.array(LENGTHS)[:, None]

# Our gates in the order of PyTorch: its LSTM has i f g o as well, its GRU r z n.
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}

Weights = Mapping[str, np.ndarray]


def reordered(kind: str, array: np.ndarray) -> np.ndarray:
    """Parts of the last axis in the order of PyTorch; its order back is the same for all three."""
    parts = np.split(array, len(ORDER[kind]), -1)
    return np.concatenate([parts[place] for place in ORDER[kind]], -1)


def peer_of(kind: str, weights: Weights, act: str = "tanh") -> Any:
    torch = pytest.importorskip("torch")
    made: Callable[..., Any] = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[kind]
    module = made(
        FEATURES, UNITS, batch_first=True, dtype=torch.float64, **({"nonlinearity": act} if kind == "rnn" else {})
    )
    bias = weights["bias"] if kind == "gru" else np.stack([weights["bias"], np.zeros_like(weights["bias"])])
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.tensor(reordered(kind, weights["kernel"]).T))
        module.weight_hh_l0.copy_(torch.tensor(reordered(kind, weights["recurrent"]).T))
        module.bias_ih_l0.copy_(torch.tensor(reordered(kind, bias[0])))
        module.bias_hh_l0.copy_(torch.tensor(reordered(kind, bias[1])))
    return module


def peer_gradients(kind: str, module: Any) -> dict[str, np.ndarray]:
    by_ih, by_hh = module.bias_ih_l0.grad.numpy(), module.bias_hh_l0.grad.numpy()
    return {
        "kernel": reordered(kind, module.weight_ih_l0.grad.numpy().T),
        "recurrent": reordered(kind, module.weight_hh_l0.grad.numpy().T),
        "bias": np.stack([reordered(kind, by_ih), reordered(kind, by_hh)]) if kind == "gru" else reordered(kind, by_ih),
    }


def text_of(kind: str, act: str, reverse: bool) -> str:
    settings = (f", act = {act}" if kind == "rnn" else "") + (", reverse = true" if reverse else "")
    return f"{kind}({UNITS}{settings})"


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind, act", [("lstm", "tanh"), ("gru", "tanh"), ("rnn", "tanh"), ("rnn", "relu")])
def test_recurrent_layers_agree_with_pytorch(kind: str, act: str, reverse: bool) -> None:
    torch = pytest.importorskip("torch")
    op = op_of(text_of(kind, act, reverse))
    starts = STARTS if kind == "lstm" else STARTS[:1]
    inputs = (jnp.asarray(X), None, *map(jnp.asarray, starts))
    weights = weights_of(op, (X, None, *starts))
    held = {role: jnp.asarray(array) for role, array in weights.items()}
    out = op.apply(held, *inputs, ctx=Context())
    gradient = drawn(*out.shape)
    found = gradients(op, inputs, held, Context(), jnp.asarray(gradient))

    module = peer_of(kind, weights, act)
    x, *states = (torch.tensor(array, requires_grad=True) for array in (X, *starts))
    first = tuple(state[None] for state in states)
    expected, _ = module(x.flip(1) if reverse else x, first if kind == "lstm" else first[0])
    expected = expected.flip(1) if reverse else expected
    expected.backward(torch.tensor(gradient))
    close(out, expected.detach().numpy(), "output")
    theirs = peer_gradients(kind, module) | {"x": x.grad.numpy()}
    theirs |= {name: state.grad.numpy() for name, state in zip(("start", "cell"), states, strict=False)}
    assert set(found) == set(theirs)
    for name, array in theirs.items():
        close(found[name], array, name)


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_ragged_sequences_end_as_packed_ones_of_pytorch(kind: str) -> None:
    torch = pytest.importorskip("torch")
    op, last = op_of(text_of(kind, "tanh", False)), op_of("last")
    weights = weights_of(op, (X,))
    held = {role: jnp.asarray(array) for role, array in weights.items()}
    inputs = (jnp.asarray(X), jnp.asarray(MASK), *[None] * (len(op.inputs()) - 2))
    out = op.apply(held, *inputs, ctx=Context())
    ends = last.apply({}, out, jnp.asarray(MASK), ctx=Context())
    np.testing.assert_array_equal(ends, out[:, -1], "where the mask is false the state is held")
    gradient = drawn(BATCH, UNITS)
    by_out = jnp.zeros_like(out).at[:, -1].set(gradient)
    found = gradients(op, inputs, held, Context(), by_out)

    module = peer_of(kind, weights)
    x = torch.tensor(X, requires_grad=True)
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(LENGTHS), batch_first=True)
    _, state = module(packed)
    state = (state[0] if kind == "lstm" else state)[0]
    state.backward(torch.tensor(gradient))
    close(ends, state.detach().numpy(), "ends")
    for name, array in (peer_gradients(kind, module) | {"x": x.grad.numpy()}).items():
        close(found[name], array, name)


def test_gru_cell_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")

    def peer(x: Any, h: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
        maps = (
            torch.cat([torch.chunk(w, 3, -1)[place] for place in ORDER["gru"]], -1) for w in (kernel, recurrent, bias)
        )
        kernel, recurrent, (first, second) = maps
        return torch._VF.gru_cell(x, h, kernel.T, recurrent.T, first, second)

    compare(f"gru_cell({UNITS})", peer, X[:, 0], STARTS[0])


def test_lstm_cell_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    op = op_of(f"lstm_cell({UNITS})")
    arrays = (X[:, 0], *STARTS)
    weights = weights_of(op, arrays)
    held = {role: jnp.asarray(array) for role, array in weights.items()}
    inputs = tuple(map(jnp.asarray, arrays))
    found, saved = op.apply_saving(held, *inputs, ctx=Context())
    by_out = drawn(2, BATCH, UNITS)
    known = dict(zip(("x", "h", "c"), inputs, strict=True)) | held | saved
    ours = op.backward(known, tuple(map(jnp.asarray, by_out)), Context())

    leaves = {
        name: torch.tensor(array, requires_grad=True) for name, array in zip(("x", "h", "c"), arrays, strict=True)
    }
    leaves |= {role: torch.tensor(array, requires_grad=True) for role, array in weights.items()}
    zeros = torch.zeros(4 * UNITS, dtype=torch.float64)
    expected = torch._VF.lstm_cell(
        leaves["x"], (leaves["h"], leaves["c"]), leaves["kernel"].T, leaves["recurrent"].T, leaves["bias"], zeros
    )
    sum((out * torch.tensor(by)).sum() for out, by in zip(expected, by_out, strict=True)).backward()
    for ours_out, out in zip(found, expected, strict=True):
        close(ours_out, out.detach().numpy(), "output")
    for name, leaf in leaves.items():
        close(ours[name], leaf.grad.numpy(), name)


def test_the_forget_gate_of_an_lstm_starts_open() -> None:
    weight = op_of("lstm(3)").weights(Type(X.shape))["bias"]
    assert weight.init is not None
    found = weight.init.sample(jax.random.key(0), (12,), 1, 1)
    np.testing.assert_array_equal(found, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_half_precision_stays_near_single_precision(kind: str) -> None:
    op = op_of(f"{kind}({UNITS})")
    weights = {role: jnp.asarray(array / 4, jnp.float32) for role, array in weights_of(op, (X,)).items()}
    none = [None] * (len(op.inputs()) - 1)
    wide = op.apply(weights, jnp.asarray(X, jnp.float32), *none, ctx=Context())
    short = {role: array.astype(jnp.bfloat16) for role, array in weights.items()}
    x = jnp.asarray(X, jnp.bfloat16)
    narrow = op.apply(short, x, *none, ctx=Context())
    assert narrow.dtype == jnp.bfloat16
    # bfloat16 has 8 bits, 0.004; six steps of rounded states and products stay within a few of them.
    np.testing.assert_allclose(narrow.astype(jnp.float32), wide, atol=0.03)
    found = gradients(op, (x, *none), short, Context(), jnp.ones_like(narrow))
    assert all(found[role].dtype == jnp.bfloat16 for role in ("x", *weights))

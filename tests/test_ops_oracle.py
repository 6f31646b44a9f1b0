"""Layers against PyTorch: outputs and gradients in 64 bits."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import Case, own_gradients

from dslc.ops.base import Sample

torch = pytest.importorskip("torch")
functional = torch.nn.functional

# Both work in float64 (1e-16) and add fewer than a hundred numbers.
BOUND = {"rtol": 1e-12, "atol": 1e-13}

# Both signs, zero left out (where the kinks are), and far enough out for the tails.
SPREAD = np.concatenate([np.linspace(-12, -0.01, 30), np.linspace(0.01, 12, 30)]).reshape(3, 4, 5)

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "relu": functional.relu,
    "leaky_relu": functional.leaky_relu,
    "leaky_relu(0.3)": lambda x: functional.leaky_relu(x, 0.3),
    "elu": functional.elu,
    "elu(0.7)": lambda x: functional.elu(x, 0.7),
    "gelu": functional.gelu,
    "gelu(approximate = true)": lambda x: functional.gelu(x, approximate="tanh"),
    "silu": functional.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": lambda x: functional.softplus(x, threshold=1000),
    "identity": lambda x: x.clone(),
    "softmax": lambda x: torch.softmax(x, -1),
    "softmax(axis = 1)": lambda x: torch.softmax(x, 1),
    "log_softmax": lambda x: torch.log_softmax(x, -1),
    "log_softmax(0)": lambda x: torch.log_softmax(x, 0),
    "relu6": functional.relu6,
    "selu": functional.selu,
    "celu": functional.celu,
    "celu(0.5)": lambda x: functional.celu(x, 0.5),
    "quick_gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "mish": functional.mish,
    "hard_swish": functional.hardswish,
    "hard_sigmoid": lambda x: functional.relu6(x + 3) / 6,  # PyTorch's own has 1 / 6 in 32 bits
    "hard_tanh": functional.hardtanh,
    "softsign": functional.softsign,
    "maxout(5)": lambda x: x.max(-1, keepdim=True).values,
    "clamp(-3, 2.5)": lambda x: x.clamp(-3, 2.5),
    "cumsum(axis = 1)": lambda x: x.cumsum(1),
    "cumprod": lambda x: x.cumprod(-1),
    "norm(axis = 1)": lambda x: x.norm(dim=1),
    "norm": lambda x: x.norm(),
    "var(axis = [0, 2])": lambda x: x.var((0, 2), correction=0),
    "logsumexp(axis = 1, keep = true)": lambda x: x.logsumexp(1, keepdim=True),
    "l2_normalize": lambda x: functional.normalize(x, dim=-1),
    "l2_normalize(0)": lambda x: functional.normalize(x, dim=0),
    "roll((1, -2), axis = (0, 2))": lambda x: x.roll((1, -2), (0, 2)),
}


def compare(text: str, types: tuple[str, ...], arrays: tuple[Any, ...], weights: dict[str, Any], peer: Any) -> None:
    """Outputs and all gradients of an op and of its peer, which takes the inputs and the weights."""
    case = Case.of(Sample(text, types)).wide()
    inputs = tuple(jnp.asarray(array) for array in arrays) + (None,) * (len(case.inputs) - len(arrays))
    given = {role: jnp.asarray(array) for role, array in weights.items()}
    (found,) = case.call(given, inputs)
    gradient = np.random.default_rng(2).standard_normal(found.shape)
    rule = own_gradients if case.op.keeps is not None else derived_gradients
    by_weight, by_input = rule(case, given, inputs, jnp.asarray(gradient), training=False)

    leaves = [torch.tensor(array, requires_grad=array.dtype == np.float64) for array in (*arrays, *weights.values())]
    expected = peer(*leaves)
    expected.backward(torch.tensor(gradient))
    np.testing.assert_allclose(found, expected.detach().numpy(), **BOUND)
    gradients = (*by_input[: len(arrays)], *by_weight.values())
    for ours, leaf in zip(gradients, leaves, strict=True):
        if leaf.requires_grad:
            np.testing.assert_allclose(ours, leaf.grad.numpy(), **BOUND)


def derived_gradients(case: Case, weights: Any, inputs: Any, gradient: Any, training: bool) -> Any:
    """What JAX derives for an op without a rule of its own."""
    places = [at for at, array in enumerate(inputs) if array is not None and array.dtype == np.float64]

    def call(weights: Any, moved: Any) -> Any:
        filled = list(inputs)
        for at, array in zip(places, moved, strict=True):
            filled[at] = array
        return case.call(weights, tuple(filled), training)[0]

    _, back = jax.vjp(call, weights, [inputs[at] for at in places])
    by_weight, moved = back(gradient)
    found = dict(zip(places, moved, strict=True))
    return by_weight, [found.get(at) for at in range(len(inputs))]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("text", FUNCTIONS)
def test_functions_of_one_tensor_agree_with_pytorch(text: str) -> None:
    compare(text, ("[3, 4, 5]",), (SPREAD,), {}, FUNCTIONS[text])


@pytest.mark.usefixtures("float64")
def test_prelu_agrees_with_pytorch() -> None:
    weights = {"scale": np.linspace(-0.5, 0.5, 5)}
    compare(
        "prelu",
        ("[3, 4, 5]",),
        (SPREAD,),
        weights,
        lambda x, scale: functional.prelu(x.movedim(-1, 1), scale).movedim(1, -1),
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("axis", "rank"), [(1, 1), (1, 2), (2, 1), (2, 2), (0, 2)])
def test_gather_agrees_with_pytorch(axis: int, rank: int) -> None:
    rest = [size for place, size in enumerate((3, 4, 5)) if place != axis][:rank]
    index = np.random.default_rng(8).integers(0, 3, rest).astype(np.int32)

    def peer(x: Any, index: Any) -> Any:
        wide = index.long().reshape(*index.shape, *(1,) * (2 - rank)).unsqueeze(axis)
        shape = [1 if place == axis else size for place, size in enumerate(x.shape)]
        return x.gather(axis, wide.expand(shape)).squeeze(axis)

    compare(f"gather({axis})", ("[3, 4, 5]", f"i32{rest}"), (SPREAD, index), {}, peer)


@pytest.mark.usefixtures("float64")
def test_merges_agree_with_pytorch() -> None:
    rng = np.random.default_rng(9)
    arrays = (rng.standard_normal((3, 4)), rng.standard_normal((3, 1)), rng.standard_normal(4))
    types = ("[3, 4]", "[3, 1]", "[4]")
    compare("maximum", types, arrays, {}, lambda a, b, c: torch.maximum(torch.maximum(a, b), c))
    compare("mean_of", types, arrays, {}, lambda a, b, c: (a + b + c) / 3)
    seen = rng.random((3, 1)) < 0.5
    compare("where", ("bool[3, 1]", "[3, 4]", "[3, 4]"), (seen, arrays[0], 2 * arrays[0]), {}, torch.where)


@pytest.mark.usefixtures("float64")
def test_masked_softmax_agrees_with_pytorch() -> None:
    mask = np.random.default_rng(3).random((3, 1, 5)) < 0.5
    mask[..., 0] = True  # PyTorch gives NaN for a line without any share.
    compare(
        "softmax",
        ("[3, 4, 5]", "bool[3, 1, 5]"),
        (SPREAD, mask),
        {},
        lambda x, mask: torch.softmax(x.masked_fill(~mask, -torch.inf), -1),
    )


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("shape", [(4, 6), (2, 3, 6), (6,)])
def test_dense_agrees_with_pytorch(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(4)
    weights = {"kernel": rng.standard_normal((6, 5)), "bias": rng.standard_normal(5)}
    compare(
        "dense(5)",
        (str(list(shape)),),
        (rng.standard_normal(shape),),
        weights,
        lambda x, kernel, bias: functional.linear(x, kernel.T, bias),
    )


@pytest.mark.usefixtures("float64")
def test_embedding_agrees_with_pytorch() -> None:
    rng = np.random.default_rng(5)
    # Numbers that come twice, so that their gradients add up.
    index = np.array([[0, 3, 3], [6, 0, 2]], np.int32)
    weights = {"table": rng.standard_normal((7, 4))}
    compare("embedding(7, 4)", ("i32[2, 3]",), (index,), weights, functional.embedding)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("a", "b"), [((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (6, 4, 5)), ((3, 4), (4,)), ((4,), (2, 4, 3)), ((4,), (4,))]
)
def test_matrix_products_agree_with_pytorch(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    rng = np.random.default_rng(6)
    arrays = (rng.standard_normal(a), rng.standard_normal(b))
    case = Case.of(Sample("matmul", (str(list(a)), str(list(b))))).wide()
    (found,) = case.call({}, tuple(jnp.asarray(array) for array in arrays))
    np.testing.assert_allclose(found, torch.matmul(*(torch.tensor(array) for array in arrays)).numpy(), **BOUND)

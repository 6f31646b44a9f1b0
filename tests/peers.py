"""Ops beside the same thing in PyTorch: outputs and gradients in 64 bits."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import op_of

from dslc.ops.base import Context, Op
from dslc.types import Type

# Both work in float64 (1e-16) and add a few thousand numbers; a wrong term shows in the first digits.
BOUND = 1e-9

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Array:
    return RNG.standard_normal(shape)


def type_of(array: Array | None) -> Type | None:
    names = {"float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool"}
    return None if array is None else Type(array.shape, names[str(array.dtype)])


def weights_of(op: Op, inputs: tuple[Array | None, ...]) -> dict[str, Array]:
    types = [type_of(array) for array in inputs]
    return {role: drawn(*weight.shape) for role, weight in op.weights(*types).items()}  # type: ignore[misc]


def gradients(op: Op, inputs: tuple[Any, ...], weights: dict[str, Any], ctx: Context, gradient: Any) -> dict[str, Any]:
    """By the op's own rule where it has one, else by JAX."""
    names = [parameter.name for parameter in op.inputs()][: len(inputs)]
    given = dict(zip(names, inputs, strict=True))
    if op.keeps is not None:
        out, saved = (
            op.apply_saving(weights, *inputs, ctx=ctx) if op.saves else (op.apply(weights, *inputs, ctx=ctx), {})
        )
        known = {**given, **weights, "out": out}
        return dict(op.backward({name: known.get(name) for name in op.keeps} | dict(saved), gradient, ctx))
    floats = {name for name, array in given.items() if array is not None and array.dtype == np.float64}

    def call(moved: dict[str, Any]) -> Any:
        filled = [moved.get(name, given[name]) for name in names]
        return op.apply({role: moved[role] for role in weights}, *filled, ctx=ctx)

    _, back = jax.vjp(call, {**{name: given[name] for name in floats}, **weights})
    return dict(back(gradient)[0])


def compare(text: str, peer: Callable[..., Any], *inputs: Array | None, training: bool = False, **state: Array) -> None:
    """Output and all gradients of an op and of its peer, which takes inputs by position and weights by role."""
    torch = pytest.importorskip("torch")
    op, ctx = op_of(text), Context(training)
    weights = weights_of(op, inputs)
    arrays = tuple(None if array is None else jnp.asarray(array) for array in inputs)
    held = {role: jnp.asarray(array) for role, array in {**weights, **state}.items()}
    found = jax.jit(lambda held, arrays: op.apply(held, *arrays, ctx=ctx))(held, arrays)
    found = found[0] if isinstance(found, tuple) else found
    gradient = drawn(*found.shape)

    leaves = {role: torch.tensor(array, requires_grad=True) for role, array in weights.items()}
    tensors = [None if a is None else torch.tensor(a, requires_grad=a.dtype == np.float64) for a in inputs]
    expected = peer(*tensors, **{role.replace(".", "_"): leaf for role, leaf in leaves.items()})
    close(found, expected.detach().numpy(), "output")
    expected.backward(torch.tensor(gradient))

    ours = jax.jit(lambda arrays, held, gradient: gradients(op, arrays, held, ctx, gradient))(
        arrays, held, jnp.asarray(gradient)
    )
    names = [parameter.name for parameter in op.inputs()]
    leaves |= {name: t for name, t in zip(names, tensors, strict=False) if t is not None and t.requires_grad}
    for name, leaf in leaves.items():
        close(summed(ours[name], leaf.shape), leaf.grad.numpy(), name)


def summed(gradient: Any, shape: tuple[int, ...]) -> Any:
    """A gradient in the shape before broadcasting."""
    gradient = gradient.sum(tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(tuple(axis for axis, size in enumerate(shape) if size == 1), keepdims=True)


def close(found: Any, expected: Any, what: str) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, what
    distance, size = np.linalg.norm(found - expected), np.linalg.norm(expected)
    # A gradient that is zero by cancellation is left with roundings of 1e-16 of its terms.
    assert distance <= BOUND * size + 1e-12, f"{what}: off by {distance / max(size, 1e-300)}"


def channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def channels_last(x: Any) -> Any:
    return x.movedim(1, -1)

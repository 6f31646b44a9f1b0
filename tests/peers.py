"""Arrays, weights and gradients of an op by name, for tests that compare by hand."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from oracles.base import channels_first, channels_last, oracle

from dslc.ops.base import Context, Op
from dslc.types import Type

# Both work in float64 (1e-16) and add a few thousand numbers; a wrong term shows in the first digits.
BOUND = 1e-9

__all__ = [
    "BOUND",
    "RNG",
    "channels_first",
    "channels_last",
    "close",
    "compare",
    "drawn",
    "gradients",
    "type_of",
    "weights_of",
]

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
    """Output and all gradients of an op and of its peer in PyTorch, by the means of `tests/oracles`."""
    pytest.importorskip("torch")
    error = oracle(text, "PyTorch", peer, inputs, training=training, **state).error()
    assert error <= BOUND, f"{text} is off by {error}"


def close(found: Any, expected: Any, what: str) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, what
    distance, size = np.linalg.norm(found - expected), np.linalg.norm(expected)
    # A gradient that is zero by cancellation is left with roundings of 1e-16 of its terms.
    assert distance <= BOUND * size + 1e-12, f"{what}: off by {distance / max(size, 1e-300)}"

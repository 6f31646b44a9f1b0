"""The type rule of every op, worked out with named sizes, beside the shapes of JAX with random numbers for the names."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from samples import bound, dimension_names, symbolic_of, tupled, variadic

from dslc.dims import Size
from dslc.ops.base import OPS, Context, Mismatch, Op, Sample, Weight
from dslc.types import JAX_DTYPES, Type

SYMBOLIC = [
    pytest.param(sample, id=f"{kind.name}-{number}")
    for kind in OPS
    if kind.apply is not Op.apply
    for number, sample in enumerate(kind.samples)
    if isinstance(sample, Sample) and dimension_names(*symbolic_of(sample))
]


def _rebound(sample: Sample, seed: int) -> tuple[Op, tuple[Type | None, ...], dict[str, Size]]:
    """The op, its inputs and the dimension names with other numbers for them: ones and odd ones among these."""
    symbolic, inputs = symbolic_of(sample)
    names = sorted(dimension_names(symbolic, inputs))
    rng = np.random.default_rng(seed)
    dims: dict[str, Size] = {name: int(rng.integers(1, 14)) for name in names}
    return bound(symbolic, dims), tuple(type and type.bind(dims) for type in inputs), dims


@pytest.mark.parametrize("sample", SYMBOLIC)
def test_symbolic_shapes_hold_for_random_dims(sample: Sample) -> None:
    symbolic, inputs = symbolic_of(sample)
    general = tupled(symbolic.infer(*inputs))
    held = 0
    for seed in range(40):
        op, types, dims = _rebound(sample, seed)
        try:
            expected = tupled(op.infer(*types))
            weights = op.weights(*types)
        except Mismatch:
            continue  # such as a window that does not fit into a side of 1
        assert [type.bind(dims) for type in general] == list(expected)
        if held == 0:
            found = jax.eval_shape(partial(_called, op), *map(_abstract, (weights, op.state(*types), types)))
            assert [(each.shape, str(each.dtype)) for each in found] == [
                (type.shape, JAX_DTYPES[type.dtype]) for type in expected
            ]
        held += 1
    assert held > 0


def _called(op: Op, weights: Any, state: Any, inputs: Any) -> tuple[Any, ...]:
    filled = inputs if variadic(op) else inputs + (None,) * (len(op.inputs()) - len(inputs))
    key = jax.random.key(0) if op.random else None
    found = op.apply({**weights, **state}, *filled, ctx=Context(key=key))
    return tupled(found[0] if state else found)


def _abstract(types: Any) -> Any:
    """Shapes and dtypes alone."""
    return jax.tree.map(
        lambda leaf: leaf and jax.ShapeDtypeStruct(leaf.shape, JAX_DTYPES[leaf.dtype]),
        types,
        is_leaf=lambda leaf: isinstance(leaf, Type | Weight),
    )

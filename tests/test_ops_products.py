"""The cost of products beside XLA's own count, where both count the same: no padding, no loop, hardly anything else."""

from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from samples import op_of

from dslc.ops.base import Context
from dslc.types import Type

PRODUCTS = [
    ("dense(64)", "[32, 128]"),
    ('conv(32, 3, padding = "valid")', "[2, 12, 12, 32]"),
    ('conv(32, 3, padding = "valid", stride = 2, bias = false)', "[2, 15, 33]"),
    ('conv(16, 2, padding = "valid", groups = 2)', "[2, 5, 7, 6, 32]"),
    ("matmul", "[3, 32, 64]", "[64, 16]"),
    ('einsum("b q d, b k d -> b q k")', "[2, 17, 64]", "[2, 9, 64]"),
    ("attention(4)", "[2, 64, 128]"),
    ("attend(2)", "[1, 64, 128]", "[1, 64, 128]", "[1, 64, 128]"),
    ("lstm_cell(64)", "[16, 128]", "[16, 64]", "[16, 64]"),
    ("gru_cell(64)", "[16, 128]", "[16, 64]"),
]


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product[0])
def test_the_cost_of_a_product_is_xlas_own_within_a_twentieth(product: tuple[str, ...]) -> None:
    op, types = op_of(product[0]), [Type.parse(text) for text in product[1:]]
    filled: Any = [*types, *[None] * (len(op.inputs()) - len(types))]
    weights = op.weights(*filled)

    def call(weights: Any, *inputs: Any) -> Any:
        return op.apply(weights, *inputs, ctx=Context())

    arrays = [type and jnp.zeros(type.shape) for type in filled]  # type: ignore[arg-type]
    held = {role: jnp.zeros(weight.shape) for role, weight in weights.items()}  # type: ignore[arg-type]
    counted = jax.jit(call).lower(held, *arrays).cost_analysis() or {}
    found = counted.get("flops", 0) + counted.get("transcendentals", 0)
    flops = op.cost(*filled).flops
    assert flops > prod(types[0].shape)  # type: ignore[type-var]
    # Comparisons, masks and the like are XLA's alone.
    assert flops == pytest.approx(found, rel=0.05)

"""Biases and rotations by position, beside reference code and known values, in 64 bits."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from peers import close, compare, drawn
from samples import op_of

from dslc.ops.base import Context

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("bidirectional", [False, True])
def test_relative_position_bias_is_that_of_t5(bidirectional: bool) -> None:
    torch = pytest.importorskip("torch")

    def peer(x: Any, memory: Any, table: Any) -> Any:
        # As T5's own code has it.
        ahead = torch.arange(memory.shape[-2])[None, :] - torch.arange(x.shape[-2])[:, None]
        count, rows = 32, torch.zeros_like(ahead)
        if bidirectional:
            count //= 2
            rows = rows + (ahead > 0).long() * count
            distance = ahead.abs()
        else:
            distance = -torch.min(ahead, torch.zeros_like(ahead))
        exact = count // 2
        far = exact + (torch.log(distance.double() / exact) / math.log(128 / exact) * (count - exact)).long()
        far = torch.min(far, torch.full_like(far, count - 1))
        rows = rows + torch.where(distance < exact, distance, far)
        # Its inputs are read for their lengths alone.
        return table[rows].permute(2, 0, 1) + 0 * (x.sum() + memory.sum())

    text = f"relative_position_bias(3, bidirectional = {str(bidirectional).lower()})"
    op, table = op_of(text), drawn(32, 3)
    x, memory = drawn(2, 150, 4), drawn(2, 170, 4)
    found = op.apply({"table": jnp.asarray(table)}, jnp.asarray(x), jnp.asarray(memory), ctx=Context())
    gradient = drawn(*found.shape)
    by_table = op.backward({}, jnp.asarray(gradient), Context())["table"]
    leaf = torch.tensor(table, requires_grad=True)
    expected = peer(torch.tensor(x), torch.tensor(memory), leaf)
    expected.backward(torch.tensor(gradient))
    close(found, expected.detach().numpy(), "output")
    close(by_table, leaf.grad.numpy(), "table")


def test_alibi_has_the_slopes_of_the_paper() -> None:
    found = np.asarray(op_of("alibi(8)").apply({}, jnp.zeros((5, 1)), ctx=Context()))
    # "For 8 heads the slopes are 1/2, 1/4, ..., 1/256".
    np.testing.assert_array_equal(found[:, 4, 3], [-(0.5**power) for power in range(1, 9)])
    np.testing.assert_array_equal(found[0, 4], [-2.0, -1.5, -1.0, -0.5, 0.0])


def test_rope_turns_pairs_as_complex_numbers() -> None:
    torch = pytest.importorskip("torch")

    def peer(x: Any) -> Any:
        first, second = x.chunk(2, -1)
        frequency = 100.0 ** (-torch.arange(3, dtype=torch.float64) / 3)
        angle = torch.arange(7, dtype=torch.float64)[:, None] * frequency
        turned = torch.complex(first, second) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat([turned.real, turned.imag], -1)

    compare("rope(100)", peer, drawn(2, 3, 7, 6))

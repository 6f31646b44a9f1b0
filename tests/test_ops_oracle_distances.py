"""Edges of losses of rows, masks and labels in time, and class weights in chunks of rows, in 64 bits."""

from typing import Any

import jax
import numpy as np
import pytest
from peers import BOUND, RNG, compare, drawn
from samples import op_of

from dslc.ops.base import Context
from dslc.ops.core.linear_cross_entropy import LinearCrossEntropy

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.usefixtures("float64")


def test_distances_of_equal_rows_have_a_slope_of_zero() -> None:
    x, op = drawn(3, 4), op_of("triplet(9)")
    slopes = jax.grad(lambda positive: op.apply({}, x, positive, x + 1, ctx=Context()))(x)
    # Where the distance has no derivative 0 is one of its slopes, the one of least length.
    assert not np.asarray(slopes).any()


def test_a_target_of_zero_counts_nothing_in_a_divergence() -> None:
    compare(
        "kl_divergence",
        lambda x, t: (t.clamp(min=1e-300) * (t.clamp(min=1e-300).log() - x)).sum(-1).mean() + 0 * t.sum(),
        drawn(2, 2),
        np.array([[0.25, 0.75], [0.5, 0.5]]),
    )
    found = F.kl_div(torch.tensor([[-1.0, -2.0]]), torch.tensor([[0.0, 1.0]]), reduction="batchmean")
    assert found.item() == 2.0


def test_a_target_longer_than_the_sound_has_an_infinite_loss() -> None:
    target = np.array([[1, 1], [1, 2]], np.int32)
    found = op_of('ctc(reduce = "none")').apply({}, drawn(2, 2, 3), target, ctx=Context())
    # Two equal labels need a blank between them: 3 moments.
    assert np.isinf(found[0])
    assert np.isfinite(found[1])


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_class_weights_hold_in_chunks_of_rows(reduce: str) -> None:
    loss = op_of(f'cross_entropy(ignore = 1, reduce = "{reduce}", class_weights = [0.5, 2.0, 0.0, 1.5])')
    chunked = LinearCrossEntropy(loss, rows=2)  # type: ignore[arg-type]
    x, kernel, weight = drawn(7, 3), drawn(3, 4), RNG.random(7)
    labels = np.array([0, 2, 1, 3, 3, 0, 1], np.int32)

    def plain(x: Any, kernel: Any, weight: Any) -> Any:
        return loss.apply({}, x @ kernel, labels, weight, ctx=Context())

    found, saved = chunked.apply_saving({}, x, kernel, labels, None, weight, ctx=Context())
    wanted, slopes = jax.value_and_grad(plain, argnums=(0, 1, 2))(x, kernel, weight)
    np.testing.assert_allclose(found, wanted, rtol=BOUND)
    np.testing.assert_allclose(chunked.apply({}, x, kernel, labels, None, weight, ctx=Context()), wanted, rtol=BOUND)
    for name, slope in zip(("by_x", "by_kernel", "by_weight"), slopes, strict=True):
        # Sums of a dozen terms of size 1.
        np.testing.assert_allclose(saved[name], slope, rtol=BOUND, atol=1e-14, err_msg=name)

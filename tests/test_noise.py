"""Layers that draw: the shares and moments of what they draw, and what goes back through them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import op_of

from dslc.ops.base import Context

# One of two million right generators is further out than five deviations; the keys are fixed.
DEVIATIONS = 5.0
COUNT = 40_000


def drawn(text: str, x: np.ndarray, training: bool = False) -> np.ndarray:
    ctx = Context(training, jax.random.key(3))
    return np.asarray(op_of(text).apply({}, jnp.asarray(x, jnp.float32), ctx=ctx), np.float64)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_bernoulli_gives_ones_by_their_probability(probability: float) -> None:
    found = drawn("bernoulli", np.full(COUNT, probability))
    assert set(np.unique(found)) == {0.0, 1.0}
    assert abs(found.mean() - probability) < DEVIATIONS * np.sqrt(probability * (1 - probability) / COUNT)


def test_categorical_gives_classes_by_their_softmax() -> None:
    logits = np.array([0.0, 1.0, -1.0])
    shares = np.exp(logits) / np.exp(logits).sum()
    found = drawn("categorical", np.tile(logits, (COUNT, 1)))
    for number, share in enumerate(shares):
        assert abs((found == number).mean() - share) < DEVIATIONS * np.sqrt(share * (1 - share) / COUNT)


def test_drop_path_drops_whole_examples_and_keeps_the_mean() -> None:
    found = drawn("drop_path(0.2)", np.ones((COUNT, 3)), training=True)
    assert np.all(found == found[:, :1])
    # 1 / 0.8 is rounded to float32.
    assert np.allclose(np.unique(found), [0, 1.25], rtol=1e-7)
    assert abs(found[:, 0].mean() - 1) < DEVIATIONS * np.sqrt(0.2 / 0.8 / COUNT)


def test_gaussian_noise_has_its_deviation_in_training() -> None:
    found = drawn("gaussian_noise(0.3)", np.full(COUNT, 2.0), training=True)
    assert abs(found.mean() - 2) < DEVIATIONS * 0.3 / np.sqrt(COUNT)
    assert abs(found.std() / 0.3 - 1) < DEVIATIONS / np.sqrt(2 * COUNT)


def test_randint_gives_every_integer_alike() -> None:
    op = op_of(f"randint([{COUNT}], 2, 6)")
    found = np.asarray(op.apply({}, ctx=Context(key=jax.random.key(1))))
    assert set(np.unique(found)) == {2, 3, 4, 5}
    shares = np.bincount(found, minlength=6)[2:] / COUNT
    assert np.all(abs(shares - 0.25) < DEVIATIONS * np.sqrt(0.25 * 0.75 / COUNT))


def test_spatial_dropout_drops_whole_channels_and_keeps_the_mean() -> None:
    found = drawn("spatial_dropout(0.2)", np.ones((COUNT // 4, 3, 4)), training=True)
    assert np.all(found == found[:, :1])
    # 1 / 0.8 is rounded to float32.
    assert np.allclose(np.unique(found), [0, 1.25], rtol=1e-7)
    assert abs(found[:, 0].mean() - 1) < DEVIATIONS * np.sqrt(0.2 / 0.8 / COUNT)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = np.random.default_rng(0).standard_normal((COUNT, 5))
    found = drawn("alpha_dropout(0.3)", x, training=True)
    count = found.size
    assert abs(found.mean()) < DEVIATIONS / np.sqrt(count)
    # The fourth moment is below 3, that of a Gaussian.
    assert abs(found.var() - 1) < DEVIATIONS * np.sqrt(2 / count)
    # What is dropped becomes one number; of the others hardly two are equal.
    dropped = np.unique(found, return_counts=True)[1].max() / count
    assert abs(dropped - 0.3) < DEVIATIONS * np.sqrt(0.3 * 0.7 / count)


def test_gumbel_has_its_mean_and_variance() -> None:
    op = op_of(f"gumbel([{COUNT}], 2.0, scale = 0.5)")
    found = np.asarray(op.apply({}, ctx=Context(key=jax.random.key(1))), np.float64)
    deviation = 0.5 * np.pi / np.sqrt(6)
    assert abs(found.mean() - (2 + 0.5 * np.euler_gamma)) < DEVIATIONS * deviation / np.sqrt(COUNT)
    # Its kurtosis is 5.4.
    assert abs(found.std() / deviation - 1) < DEVIATIONS * np.sqrt(4.4 / COUNT) / 2

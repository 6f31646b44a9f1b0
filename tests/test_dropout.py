"""The masks of dropout: how much they keep, and that nothing about one tells of another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from samples import op_of

from dslc.ops.base import Context
from dslc.ops.noise._hash import survivors
from dslc.types import Type

ROWS, COLUMNS = 512, 1024
SIZE = ROWS * COLUMNS
RATES = [0.1, 0.5, 0.8]
DEVIATIONS = 5.0
"""One of two million right generators is further out; a few hundred numbers are looked at, all from fixed keys."""


def mask(rate: float, *places: int) -> np.ndarray:
    """Survivors as deviations from their mean, in units that make their variance 1."""
    key = jax.random.key(0)
    for place in places:
        key = jax.random.fold_in(key, place)
    kept = np.asarray(survivors(key, (ROWS, COLUMNS), rate), np.float64)
    return (kept - (1 - rate)) / np.sqrt(rate * (1 - rate))


def alike(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation in deviations of what independent masks have."""
    return float(abs((a * b).sum()) / np.sqrt(a.size))


@pytest.mark.parametrize("rate", RATES)
def test_the_share_that_is_kept_is_right_overall_and_in_every_part(rate: float) -> None:
    kept = mask(rate, 3)
    assert abs(kept.sum()) / np.sqrt(SIZE) < DEVIATIONS
    for axis in (0, 1):
        sums = kept.sum(axis) / np.sqrt(kept.shape[axis])
        assert abs(sums).max() < DEVIATIONS
        # The variance of n such sums is 1, give or take sqrt(2 / n).
        assert abs(sums.var() - 1) < DEVIATIONS * np.sqrt(2 / sums.size)


@pytest.mark.parametrize("rate", RATES)
def test_neighbours_are_independent(rate: float) -> None:
    kept = mask(rate, 5).ravel()
    for distance in (1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 128, 1000, COLUMNS, 4 * COLUMNS, 65_536):
        assert alike(kept[distance:], kept[:-distance]) < DEVIATIONS, distance


@pytest.mark.parametrize("rate", RATES)
def test_steps_and_places_are_independent(rate: float) -> None:
    masks = [mask(rate, step, place) for step in range(4) for place in range(4)]
    for number, one in enumerate(masks):
        for other in masks[:number]:
            assert alike(one, other) < DEVIATIONS
            assert alike(one[:, 1:], other[:, :-1]) < DEVIATIONS


def test_keys_that_differ_in_one_bit_give_independent_masks() -> None:
    words = np.array([123_456_789, 987_654_321], np.uint32)
    raw = [words] + [
        words ^ np.eye(2, dtype=np.uint32)[word] * np.uint32(1 << bit) for word in (0, 1) for bit in (0, 7, 31)
    ]
    masks = [2.0 * np.asarray(survivors(jax.random.wrap_key_data(each), (ROWS, COLUMNS), 0.5)) - 1 for each in raw]
    for number, one in enumerate(masks):
        for other in masks[:number]:
            assert alike(one, other) < DEVIATIONS


def test_eight_neighbours_take_every_pattern_equally_often() -> None:
    bits = (mask(0.5, 9) > 0).reshape(-1, 8)
    count = np.bincount(bits @ (1 << np.arange(8)), minlength=256)
    chi_square = ((count - SIZE / 8 / 256) ** 2 / (SIZE / 8 / 256)).sum()
    # 255 degrees of freedom: mean 255, deviation sqrt(510).
    assert abs(chi_square - 255) < DEVIATIONS * np.sqrt(510)


def test_what_is_kept_grows_so_that_the_mean_stays() -> None:
    x, op = jnp.ones((ROWS, COLUMNS)), op_of("dropout(0.3)")
    out = np.asarray(op.apply({}, x, ctx=Context(True, jax.random.key(1))))
    assert set(np.unique(out)) == {0.0, np.float32(1 / 0.7)}
    # One element has the deviation sqrt(0.3 / 0.7).
    assert abs(out.mean() - 1) < DEVIATIONS * np.sqrt(0.3 / 0.7 / SIZE)


def test_the_rate_may_be_an_array_of_a_scanned_repeat() -> None:
    x, key = jnp.ones((8, 8)), jax.random.key(1)
    scanned = jax.jit(lambda rate: op_of("dropout(0.3)").__class__(rate).apply({}, x, ctx=Context(True, key)))(0.3)
    expected = op_of("dropout(0.3)").apply({}, x, ctx=Context(True, key))
    np.testing.assert_allclose(scanned, expected, rtol=1e-6)  # the rate is rounded to float32


def test_attention_drops_shares_and_keeps_their_mean() -> None:
    x = jnp.asarray(np.random.default_rng(0).standard_normal((1, 16, 8)), jnp.float32)
    dropping, plain = op_of("attention(2, dropout = 0.25)"), op_of("attention(2)")
    rng = np.random.default_rng(1)
    types = plain.weights(Type(x.shape))
    weights = {role: jnp.asarray(rng.standard_normal(each.shape), jnp.float32) for role, each in types.items()}
    keys = jax.random.split(jax.random.key(2), 4000)
    outs = np.asarray(jax.vmap(lambda key: dropping.apply(weights, x, ctx=Context(True, key)))(keys), np.float64)
    expected = np.asarray(plain.apply(weights, x, ctx=Context()))
    error = outs.std(0) / np.sqrt(len(keys))
    assert (error > 0).all()
    assert (abs(outs.mean(0) - expected) / error).max() < DEVIATIONS
    np.testing.assert_array_equal(dropping.apply(weights, x, ctx=Context(False, keys[0])), expected)

"""The random numbers of a run."""

import jax
import numpy as np
import pytest

from dslc.train.generator import base_key, fold
from dslc.train.program import order

COUNT = 1 << 20


def drawn(seed: int, *numbers: int) -> np.ndarray:
    return np.asarray(jax.random.bits(fold(base_key(seed), *numbers), (COUNT,)))


def test_every_bit_is_set_half_of_the_time() -> None:
    bits = np.unpackbits(drawn(7).view(np.uint8)).reshape(COUNT, 32)
    # Five deviations of the mean of a million coins.
    assert np.abs(bits.mean(0) - 0.5).max() < 5 * 0.5 / np.sqrt(COUNT)


def test_neighbours_have_nothing_to_do_with_each_other() -> None:
    values = np.asarray(jax.random.normal(base_key(3), (COUNT,)), np.float64)
    for lag in (1, 2, 3, 32, 128, 1024):
        # Five deviations of a correlation of a million pairs.
        assert abs(np.corrcoef(values[:-lag], values[lag:])[0, 1]) < 5 / np.sqrt(COUNT)


@pytest.mark.parametrize("other", [drawn(1, 0, 1), drawn(0, 1, 0), drawn(0, 0, 2), drawn(1 << 40, 0, 1)])
def test_neighbouring_keys_have_nothing_to_do_with_each_other(other: np.ndarray) -> None:
    mine = drawn(0, 0, 1)
    same = np.unpackbits((mine ^ other).view(np.uint8)).mean()
    assert abs(same - 0.5) < 5 * 0.5 / np.sqrt(32 * COUNT)


def test_a_normal_is_normal() -> None:
    values = np.asarray(jax.random.normal(base_key(5), (COUNT,)), np.float64)
    for power, moment, deviation in ((1, 0, 1), (2, 1, 2**0.5), (3, 0, 15**0.5), (4, 3, 96**0.5)):
        assert abs((values**power).mean() - moment) < 5 * deviation / np.sqrt(COUNT)


def test_keys_are_split_and_bits_come_in_every_width() -> None:
    first, second = jax.random.split(base_key(0))
    assert not np.array_equal(jax.random.key_data(first), jax.random.key_data(second))
    for width in (8, 16, 32):
        values = np.asarray(jax.random.bits(first, (4096,), f"uint{width}"))
        assert values.dtype == np.dtype(f"uint{width}")
        assert abs(np.unpackbits(values.view(np.uint8)).mean() - 0.5) < 5 * 0.5 / np.sqrt(4096 * width)
    with jax.enable_x64(True):
        words = np.asarray(jax.random.bits(first, (4096,), "uint64"))
    assert np.unique(words >> np.uint64(32)).size > 4000


@pytest.mark.parametrize("seed", [0, -1, 2**31, 2**63, 2**64 + 5])
def test_every_int_is_a_seed(seed: int) -> None:
    assert jax.random.key_data(base_key(seed)).tolist() == [seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF]


@pytest.mark.parametrize("rows", [1, 2, 7, 1000])
def test_an_epoch_takes_every_row_once(rows: int) -> None:
    for epoch in (0, 1):
        assert sorted(np.asarray(order(base_key(0), epoch, rows)).tolist()) == list(range(rows))


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    orders = [np.asarray(order(base_key(seed), epoch, 1000)) for seed in (0, 1) for epoch in (0, 1)]
    for i, one in enumerate(orders):
        for other in orders[:i]:
            # Of 1000 rows one is expected at the same place, and twelve are once in a billion.
            assert (one == other).sum() < 12


def test_every_row_comes_at_every_place_equally_often() -> None:
    rows, epochs = 6, 6000
    places = np.asarray(jax.jit(jax.vmap(lambda epoch: order(base_key(11), epoch, rows)))(np.arange(epochs)))
    counts = np.stack([np.bincount(places[:, place], minlength=rows) for place in range(rows)])
    expected = epochs / rows
    # Chi-squared with 25 degrees of freedom: 62 is exceeded once in 20,000.
    assert ((counts - expected) ** 2 / expected).sum() < 62

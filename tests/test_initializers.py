"""First values of weights: their variance against the formulas, their bounds, their keys."""

import math

import jax
import numpy as np
import pytest

from dslc.initializers.base import INITIALIZERS

FAN_IN, FAN_OUT = 300, 500
SHAPE = (FAN_IN, FAN_OUT)

# Of n samples the variance has a relative deviation of sqrt((kurtosis - 1) / n), at most sqrt(2 / 150_000) = 0.0037
# (Gaussian): five of them.
VARIANCE_BOUND = 0.019

# Share of the variance that a standard Gaussian keeps within two deviations: 1 - 4 * pdf(2) / (2 * cdf(2) - 1).
TRUNCATED_VARIANCE = 1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))

VARIANCES = {
    "normal": ({"std": 0.02}, 0.02**2),
    "truncated_normal": ({"std": 0.5}, 0.5**2 * TRUNCATED_VARIANCE),
    "uniform": ({"limit": 0.3}, 0.3**2 / 3),
    "glorot_uniform": ({}, 2 / (FAN_IN + FAN_OUT)),
    "glorot_normal": ({}, 2 / (FAN_IN + FAN_OUT)),
    "he_uniform": ({}, 2 / FAN_IN),
    "he_normal": ({}, 2 / FAN_IN),
    "lecun_uniform": ({}, 1 / FAN_IN),
    "lecun_normal": ({}, 1 / FAN_IN),
}
LIMITS = {
    "truncated_normal": ({"std": 0.5}, 1.0),
    "uniform": ({"limit": 0.3}, 0.3),
    "glorot_uniform": ({}, math.sqrt(6 / (FAN_IN + FAN_OUT))),
    "he_uniform": ({}, math.sqrt(6 / FAN_IN)),
    "lecun_uniform": ({}, math.sqrt(3 / FAN_IN)),
}
CONSTANTS = {"zeros": ({}, 0.0), "ones": ({}, 1.0), "constant": ({"value": 2.5}, 2.5)}


def drawn(name: str, settings: dict[str, float], seed: int = 0) -> np.ndarray:
    values = INITIALIZERS[name](**settings).sample(jax.random.key(seed), SHAPE, FAN_IN, FAN_OUT)
    assert values.dtype == np.float32
    assert values.shape == SHAPE
    return np.asarray(values, np.float64)


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance_follow_the_formula(name: str) -> None:
    settings, variance = VARIANCES[name]
    values = drawn(name, settings)
    assert values.var() == pytest.approx(variance, rel=VARIANCE_BOUND)
    # Five deviations of the mean of n samples.
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)


@pytest.mark.parametrize("name", LIMITS)
def test_bounded_values_reach_their_limit_and_stay_within(name: str) -> None:
    settings, limit = LIMITS[name]
    largest = np.abs(drawn(name, settings)).max()
    # The limit itself is rounded to float32; of 150,000 values one comes within a hundredth of it.
    assert 0.99 * limit < largest <= limit * (1 + 1e-6)


@pytest.mark.parametrize("name", ["normal", "glorot_normal", "he_normal", "lecun_normal"])
def test_plain_gaussians_have_tails(name: str) -> None:
    settings, variance = VARIANCES[name]
    beyond = np.mean(np.abs(drawn(name, settings)) > 2 * math.sqrt(variance))
    # 4.55 % of a Gaussian lie beyond two deviations; five deviations of a share of 150,000 are 0.0027.
    assert beyond == pytest.approx(0.0455, abs=0.0027)


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_are_the_same_everywhere(name: str) -> None:
    settings, value = CONSTANTS[name]
    assert np.all(drawn(name, settings) == value)


@pytest.mark.parametrize("name", VARIANCES)
def test_a_key_decides_the_values(name: str) -> None:
    settings, _ = VARIANCES[name]
    assert np.array_equal(drawn(name, settings, seed=3), drawn(name, settings, seed=3))
    assert np.mean(drawn(name, settings, seed=3) == drawn(name, settings, seed=4)) < 0.01

"""First values of weights: their variance against the formulas, their bounds, their keys."""

import math

import jax
import numpy as np
import pytest
from samples import op_of

from dslc.initializers.base import INITIALIZERS
from dslc.ops.base import Context, Mismatch

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
    "variance_scaling": ({"scale": 3.0, "fan": "out", "shape": "truncated"}, 3 / FAN_OUT),
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


@pytest.mark.parametrize("shape", [(40, 40), (40, 160), (160, 40), (3, 3, 8, 20)])
def test_orthogonal_matrices_have_orthogonal_columns_or_rows(shape: tuple[int, ...]) -> None:
    values = INITIALIZERS["orthogonal"](gain=2.0).sample(jax.random.key(0), shape, 1, 1)
    matrix = np.asarray(values, np.float64).reshape(-1, shape[-1])
    small = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    # Dot products of up to 160 numbers rounded to float32, 6e-8 each, times the square of the gain.
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)


def test_an_identity_matrix_makes_dense_and_conv_hand_on_their_input() -> None:
    eye = INITIALIZERS["identity_matrix"]()
    kernel = eye.sample(jax.random.key(0), (3, 5), 3, 5)
    assert np.array_equal(kernel, np.eye(3, 5))
    x = jax.random.normal(jax.random.key(1), (2, 6, 7, 4))
    for size in (2, 3):
        conv = op_of(f"conv(4, {size}, bias = false)")
        window = eye.sample(jax.random.key(0), (size, size, 4, 4), 1, 1)
        assert np.array_equal(conv.apply({"kernel": window}, x, ctx=Context()), x)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"scale": 2.0}, "he_normal"),
        ({"scale": 2.0, "shape": "uniform"}, "he_uniform"),
        ({"fan": "mean", "shape": "uniform"}, "glorot_uniform"),
        ({"fan": "mean"}, "glorot_normal"),
        ({}, "lecun_normal"),
    ],
)
def test_variance_scaling_names_the_others(settings: dict[str, float], name: str) -> None:
    # The same draw times the same deviation: two roundings apart.
    np.testing.assert_allclose(drawn("variance_scaling", settings), drawn(name, {}), rtol=1e-6)


def test_variance_scaling_of_nothing_is_refused() -> None:
    with pytest.raises(Mismatch, match="must be above 0"):
        INITIALIZERS["variance_scaling"](scale=0.0)

"""What every source promises, and what the built-in ones hold."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.datasets
from data_files import here, samples

from dslc.data.base import SOURCES, DataMissing, DataRefused, Parts, Records, Table
from dslc.data.sources.blobs import Blobs
from dslc.data.sources.circles import Circles
from dslc.data.sources.moons import Moons
from dslc.data.sources.rows import Rows
from dslc.data.sources.sine import Sine
from dslc.data.sources.spirals import Spirals
from dslc.data.sources.xor import Xor
from dslc.types import JAX_DTYPES

NAMES = SOURCES.names()


def batch(table: Table, *rows: int) -> dict[str, np.ndarray]:
    index = jnp.array(rows, jnp.int32)
    return {name: np.asarray(value) for name, value in jax.jit(table.gather)(table.arrays, index).items()}


def arrays(parts: Parts) -> dict[str, np.ndarray]:
    assert isinstance(parts.train, Records)
    return dict(parts.train.columns)


def test_the_samples_cover_every_source(tmp_path: Path) -> None:
    assert tuple(sorted(samples(tmp_path))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_gathered_batch_has_the_types_of_the_schema(name: str, tmp_path: Path) -> None:
    source = samples(tmp_path)[name]
    schema = source.schema(here(tmp_path))
    for _, table in source.load(here(tmp_path)).items():  # noqa: PERF102  # no dict
        found = batch(table, 0, 2, 1)
        assert set(found) == set(schema.fields)
        for field, type in schema.fields.items():
            assert found[field].shape == type.bind({"batch": 3}).shape
            assert found[field].dtype == JAX_DTYPES[type.dtype]


@pytest.mark.parametrize("name", NAMES)
def test_loaded_data_keeps_what_the_schema_says(name: str, tmp_path: Path) -> None:
    source = samples(tmp_path)[name]
    schema, parts = source.schema(here(tmp_path)), source.load(here(tmp_path))
    assert parts.train.schema == schema
    assert tuple(part for part, _ in parts.items()) == schema.parts
    for part, table in parts.items():
        assert schema.rows[part] in (None, table.rows())
        everything = batch(table, *range(table.rows()))
        for field, count in schema.classes.items():
            assert set(np.unique(everything[field])) <= set(range(count))
        for field, (low, high) in schema.ranges.items():
            assert low <= everything[field].min() <= everything[field].max() <= high
        for field, dtype in schema.storage.items():
            assert table.arrays[field].dtype == JAX_DTYPES[dtype]


@pytest.mark.parametrize("name", NAMES)
def test_loading_twice_gives_the_same_data(name: str, tmp_path: Path) -> None:
    source = samples(tmp_path)[name]
    first, second = source.load(here(tmp_path)).train.arrays, source.load(here(tmp_path)).train.arrays
    for field, values in first.items():
        np.testing.assert_array_equal(values, second[field])


def test_reading_schemas_and_data_imports_neither_jax_nor_sklearn(tmp_path: Path) -> None:
    code = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from data_files import here, samples; from dslc.data.base import STAGES\n"
        "list(STAGES)\n"
        f"base = Path({str(tmp_path)!r})\n"
        "for source in samples(base).values():\n"
        "    source.schema(here(base)), source.load(here(base))\n"
        "print(sorted({'jax', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["digits", "iris", "wine", "breast_cancer"])
def test_built_in_classes_are_those_of_scikit_learn(name: str, tmp_path: Path) -> None:
    parts = SOURCES[name]().load(here(tmp_path))
    expected = getattr(sklearn.datasets, f"load_{name}")()
    columns = arrays(parts)
    features = columns["image" if name == "digits" else "features"].reshape(len(expected.data), -1)
    np.testing.assert_array_equal(features, expected.data.astype(np.float32))
    np.testing.assert_array_equal(columns["label"], expected.target)
    assert parts.names["label"] == tuple(str(word) for word in expected.target_names)


def test_diabetes_holds_the_values_as_measured(tmp_path: Path) -> None:
    expected = sklearn.datasets.load_diabetes(scaled=False)
    columns = arrays(SOURCES["diabetes"]().load(here(tmp_path)))
    np.testing.assert_array_equal(columns["features"], expected.data.astype(np.float32))
    np.testing.assert_array_equal(columns["target"], expected.target.astype(np.float32))


def test_without_scikit_learn_the_way_out_is_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dslc.data.sources._bundled.find_spec", lambda name: None)
    with pytest.raises(DataMissing) as caught:
        SOURCES["digits"]().load(here(tmp_path))
    assert caught.value.reason == "`digits.csv.gz` is not there"
    assert caught.value.help == "it comes with scikit-learn: `pip install scikit-learn`"


def test_a_spiral_turns_as_its_radius_grows(tmp_path: Path) -> None:
    columns = arrays(Spirals(n=300, noise=0.0, classes=3, turns=2.0).load(here(tmp_path)))
    x, y = columns["features"].astype(np.float64).T
    turned = np.arctan2(y, x) / (2 * np.pi) - 2.0 * np.hypot(x, y) - columns["label"] / 3
    # Float32 coordinates: the angle is exact to 1e-7 / radius, and no radius here is below 1e-3.
    np.testing.assert_allclose(turned, np.round(turned), atol=1e-4)


def test_circles_have_the_radii_one_and_factor(tmp_path: Path) -> None:
    columns = arrays(Circles(n=100, noise=0.0, factor=0.25).load(here(tmp_path)))
    radius = np.linalg.norm(columns["features"], axis=1)
    # Float32 coordinates of size 1.
    np.testing.assert_allclose(radius, np.where(columns["label"] == 0, 1.0, 0.25), atol=1e-6)


def test_moons_are_an_upper_and_a_moved_lower_half_circle(tmp_path: Path) -> None:
    columns = arrays(Moons(n=100, noise=0.0).load(here(tmp_path)))
    first = np.expand_dims(columns["label"], 1) == 0
    centered = np.where(first, columns["features"], np.array([[1.0, 0.5]]) - columns["features"])
    # Float32 coordinates of size 1.
    np.testing.assert_allclose(np.linalg.norm(centered, axis=1), 1.0, atol=1e-6)
    assert (centered[:, 1] >= 0).all()


def test_xor_is_whether_the_signs_differ(tmp_path: Path) -> None:
    columns = arrays(Xor(n=200, noise=0.0).load(here(tmp_path)))
    np.testing.assert_array_equal(columns["label"] == 1, np.prod(columns["features"], axis=1) < 0)


def test_rows_are_numbered(tmp_path: Path) -> None:
    assert arrays(Rows(n=3).load(here(tmp_path)))["row"].tolist() == [0, 1, 2]


def test_blobs_lie_around_the_corners_of_a_polygon(tmp_path: Path) -> None:
    columns = arrays(Blobs(n=4_000, classes=4, noise=0.1).load(here(tmp_path)))
    corners = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    for label, corner in enumerate(corners):
        cloud = columns["features"][columns["label"] == label]
        # Six deviations of the mean of 1,000 points: 6 * 0.1 / sqrt(1000).
        np.testing.assert_allclose(cloud.mean(axis=0), corner, atol=0.019)


def test_sine_is_the_sine_of_its_feature(tmp_path: Path) -> None:
    columns = arrays(Sine(n=50, noise=0.0).load(here(tmp_path)))
    # Float32 in and out.
    np.testing.assert_allclose(columns["target"], np.sin(columns["features"][:, 0]), atol=1e-6)


def test_noise_has_the_deviation_that_is_asked_for(tmp_path: Path) -> None:
    columns = arrays(Sine(n=10_000, noise=0.3).load(here(tmp_path)))
    noise = columns["target"] - np.sin(columns["features"][:, 0])
    # Five deviations of a deviation of 10,000 samples: 5 * 0.3 / sqrt(20000).
    assert noise.std() == pytest.approx(0.3, abs=0.011)


def test_another_seed_draws_other_points(tmp_path: Path) -> None:
    first, second = (arrays(Moons(seed=seed).load(here(tmp_path)))["features"] for seed in (0, 1))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("source", "reason", "help"),
    [
        (Moons(n=1), "`moons` has 1 points for 2 classes", "`n` is 2 or more"),
        (Rows(n=0), "`rows` has 0 rows", "`n` is 1 or more"),
        (Blobs(classes=0), "`blobs` has 0 classes", "`classes` is 1 or more"),
        (Sine(noise=-1.0), "`sine` has a noise of -1", "`noise` is a standard deviation: 0 or more"),
    ],
)
def test_points_that_cannot_be_drawn_are_refused(source: Moons, reason: str, help: str, tmp_path: Path) -> None:
    with pytest.raises(DataRefused) as caught:
        source.schema(here(tmp_path))
    assert (caught.value.reason, caught.value.help) == (reason, help)

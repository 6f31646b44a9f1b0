"""Sources and stages together: what runs first, what is known without data, what a run keeps."""

import json
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from data_files import PENGUINS, here, write_pictures

from dslc.data.base import DataBroken, DataMissing, DataRefused, Records, Schema, Stage, Table, field_type
from dslc.data.pipeline import Pipeline
from dslc.data.sources.csv import Csv
from dslc.data.sources.diabetes import Diabetes
from dslc.data.sources.digits import Digits
from dslc.data.sources.iris import Iris
from dslc.data.sources.mnist import Mnist
from dslc.data.sources.text import Text
from dslc.data.stages.normalize import Normalize
from dslc.data.stages.scale import Scale
from dslc.data.stages.shuffle import Shuffle
from dslc.data.stages.split import Split


def values(table: Table, name: str) -> np.ndarray:
    return np.asarray(table.gather(table.arrays, jnp.arange(table.rows()))[name])


def test_without_stages_the_data_is_as_its_source_has_it(tmp_path: Path) -> None:
    loaded = Pipeline(Iris()).load(here(tmp_path), seed=0)
    assert loaded.fitted == ()
    assert loaded.parts.test is None
    np.testing.assert_array_equal(
        loaded.parts.train.arrays["features"], Iris().load(here(tmp_path)).train.arrays["features"]
    )


@pytest.mark.parametrize("stages", [(Split((0.8, 0.2)), Normalize()), (Normalize(), Split((0.8, 0.2)))])
def test_statistics_never_see_the_test_part(stages: tuple[Split | Normalize, ...], tmp_path: Path) -> None:
    parts = Pipeline(Diabetes(), stages).load(here(tmp_path), seed=4).parts
    assert parts.test is not None
    train, test = (values(table, "features").astype(np.float64) for table in (parts.train, parts.test))
    # Sums of 353 float32 numbers of size 1.
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-6)
    assert np.abs(test.mean(axis=0)).max() > 0.01


def test_splitting_runs_first_and_the_rest_in_the_order_written() -> None:
    scale, normalize, split = Scale(0.0, 1.0), Normalize(), Split((0.8, 0.2))
    assert Pipeline(Digits(), (scale, split, normalize)).ordered == (split, scale, normalize)


def test_the_order_of_two_stages_matters(tmp_path: Path) -> None:
    first = Pipeline(Digits(), (Scale(0.0, 1.0), Normalize())).load(here(tmp_path), 0).parts.train
    second = Pipeline(Digits(), (Normalize(), Scale(0.0, 1.0))).load(here(tmp_path), 0).parts.train
    assert values(first, "image").min() < 0
    assert values(second, "image").min() == 0
    assert values(second, "image").max() == 1


def test_loading_follows_the_seed_alone(tmp_path: Path) -> None:
    pipeline = Pipeline(Iris(), (Split((0.6, 0.4)), Shuffle(), Normalize()))
    first, again, other = (pipeline.load(here(tmp_path), seed).parts.train.arrays["features"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_schema_is_that_of_the_prepared_data(tmp_path: Path) -> None:
    pipeline = Pipeline(Digits(), (Split((0.5, 0.3, 0.2)), Scale(-1.0, 1.0)))
    schema = pipeline.schema(here(tmp_path))
    assert schema.rows == {"train": 898, "validation": 540, "test": 359}
    assert schema.ranges == {"image": (-1.0, 1.0)}
    loaded = pipeline.load(here(tmp_path), 0)
    assert {name: table.rows() for name, table in loaded.parts.items()} == schema.rows
    assert (loaded.schema.fields, loaded.schema.ranges) == (schema.fields, schema.ranges)


def test_pictures_stay_bytes_through_the_affine_stages(tmp_path: Path) -> None:
    write_pictures(tmp_path / "mnist", train=10, test=4)
    loaded = Pipeline(Mnist(), (Split((0.5, 0.5)), Scale(0.0, 1.0), Normalize())).load(here(tmp_path), 0)
    assert {name: table.rows() for name, table in loaded.parts.items()} == {"train": 5, "validation": 5, "test": 4}
    for _, table in loaded.parts.items():  # noqa: PERF102  # no dict
        assert table.arrays["image"].dtype == np.uint8
    image = values(loaded.parts.train, "image")
    # Float32 means of 3,920 numbers of size 1.
    assert image.mean() == pytest.approx(0, abs=1e-5)
    assert image.std() == pytest.approx(1, abs=1e-5)


def test_missing_data_leaves_the_schema_of_the_prepared_data_known(tmp_path: Path) -> None:
    with pytest.raises(DataMissing) as caught:
        Pipeline(Mnist(), (Split((0.8, 0.2)), Scale(0.0, 1.0))).schema(here(tmp_path))
    schema = caught.value.schema
    assert schema is not None
    assert schema.rows == {"train": None, "validation": None, "test": None}
    assert schema.ranges == {"image": (0.0, 1.0)}


def test_missing_data_of_an_unknown_kind_leaves_nothing_known(tmp_path: Path) -> None:
    with pytest.raises(DataMissing) as caught:
        Pipeline(Csv("a.csv", "y"), (Normalize(),)).schema(here(tmp_path))
    assert caught.value.schema is None


def test_a_wrong_stage_is_refused_even_when_the_data_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataRefused):
        Pipeline(Mnist(), (Split((0.8, 0.1)),)).schema(here(tmp_path))


@pytest.mark.parametrize("stage", [Normalize(fields=("image",)), Scale(1.0, 0.0)])
def test_a_wrong_stage_is_refused_before_anything_is_fitted(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(DataRefused):
        Pipeline(Iris(), (stage,)).load(here(tmp_path), 0)


def test_broken_data_is_reported_by_the_schema_and_by_loading(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1\n")
    pipeline = Pipeline(Csv("a.csv", "y"), (Normalize(),))
    for read in (lambda: pipeline.schema(here(tmp_path)), lambda: pipeline.load(here(tmp_path), 0)):
        with pytest.raises(DataBroken):
            read()


def test_raw_rows_are_prepared_with_the_statistics_of_the_run(tmp_path: Path) -> None:
    pipeline = Pipeline(Iris(), (Normalize(), Split((0.8, 0.2)), Scale(-1.0, 1.0)))
    loaded = pipeline.load(here(tmp_path), 0)
    kept = json.loads(json.dumps(loaded.fitted))
    raw = np.array([[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]], np.float32)
    found = values(pipeline.replay(Records(Schema({"features": field_type(4)}), {"features": raw}), kept), "features")
    train = Pipeline(Iris(), (Split((0.8, 0.2)),)).load(here(tmp_path), 0).parts.train.arrays["features"]
    low, high = train.min(axis=0), train.max(axis=0)
    # Normalizing before scaling to the extremes changes nothing; float32 numbers of size 1.
    np.testing.assert_allclose(found, 2 * (raw - low) / (high - low) - 1, atol=1e-5)


def test_a_text_keeps_its_vocabulary_and_is_cut_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abcdefghij" * 10)
    loaded = Pipeline(Text("a.txt", context=4), (Split((0.8, 0.2)),)).load(here(tmp_path), 3)
    assert loaded.vocabulary == tuple("abcdefghij")
    assert loaded.parts.test is not None
    np.testing.assert_array_equal(values(loaded.parts.test, "tokens")[0], [0, 1, 2, 3])
    assert (loaded.parts.train.rows(), loaded.parts.test.rows()) == (76, 4)


def test_a_part_of_text_without_a_window_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("abcdefghij" * 10)
    with pytest.raises(DataRefused) as caught:
        Pipeline(Text("a.txt", context=10), (Split((0.95, 0.05)),)).load(here(tmp_path), 3)
    assert caught.value.reason == "the test part would not hold a single item"


def test_the_classes_of_a_table_are_known_once_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(PENGUINS)
    loaded = Pipeline(Csv("a.csv", "species"), (Split((0.5, 0.5)), Normalize())).load(here(tmp_path), 0)
    assert loaded.schema.classes["label"] == 3
    assert loaded.parts.names["label"] == ("Adelie", "Chinstrap", "Gentoo")
    assert loaded.vocabulary is None


def test_pipelines_are_values() -> None:
    pipeline = Pipeline(Digits(), (Normalize(),))
    assert replace(pipeline) == pipeline
    assert pipeline != Pipeline(Digits())

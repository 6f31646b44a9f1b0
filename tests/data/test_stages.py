"""Data stages: their numbers against NumPy's, the part that they are fitted on, and what they refuse."""

import json
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from dslc.data.base import STAGES, DataRefused, Parts, Records, Schema, Stage, Table, Windows, field_type
from dslc.data.stages.normalize import Normalize
from dslc.data.stages.scale import Scale
from dslc.data.stages.shuffle import Shuffle
from dslc.data.stages.split import Split
from dslc.data.stages.standardize import Standardize
from dslc.data.stages.threshold import Threshold

FITTED: list[Stage] = [Normalize(), Standardize(), Scale(-1.0, 1.0), Threshold(0.5)]
EXACT_TO = 1e-5
"""Float32 of numbers of size 10 at most."""

SCHEMA = Schema(
    {
        "image": field_type(4, 3, 3),
        "series": field_type(5, 2),
        "features": field_type(4),
        "age": field_type(),
        "island": field_type(dtype="i32"),
        "label": field_type(dtype="i32"),
        "target": field_type(),
    },
    classes={"label": 3},
    ranges={"image": (0.0, 255.0)},
    storage={"image": "u8"},
)


def records(rows: int = 40, seed: int = 0) -> Records:
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "image": random.integers(0, 256, (rows, 4, 3, 3), np.uint8),
        "series": random.normal(5, 3, (rows, 5, 2)).astype(np.float32),
        "features": random.normal([1, -2, 0, 9], [1, 2, 3, 0.1], (rows, 4)).astype(np.float32),
        "age": random.uniform(20, 60, rows).astype(np.float32),
        "island": random.integers(0, 3, rows, np.int32),
        "label": np.arange(rows, dtype=np.int32) % 3,
        "target": random.normal(100, 10, rows).astype(np.float32),
    }
    return Records(SCHEMA, columns)


def text(length: int = 100, context: int = 5) -> Windows:
    fields = {name: field_type(context, dtype="i32") for name in ("tokens", "target")}
    return Windows(Schema(fields), np.arange(length, dtype=np.uint8), context)


def values(table: Table, name: str) -> np.ndarray:
    """What the model sees, from the device."""
    return np.asarray(table.gather(table.arrays, jnp.arange(table.rows()))[name])


def fitted(stage: Stage, train: Table) -> Table:
    return stage.apply(train, stage.fit(train))


def refused(stage: Stage, schema: Schema = SCHEMA) -> tuple[str, str | None]:
    with pytest.raises(DataRefused) as caught:
        stage.infer(schema)
    return caught.value.reason, caught.value.help


@pytest.mark.parametrize(
    ("name", "axes"), [("image", (0, 1, 2)), ("series", (0, 1)), ("features", (0,)), ("age", (0,))]
)
def test_normalize_takes_mean_and_deviation_of_each_channel(name: str, axes: tuple[int, ...]) -> None:
    x = records().columns[name].astype(np.float64)
    expected = (x - x.mean(axis=axes)) / x.std(axis=axes)
    np.testing.assert_allclose(values(fitted(Normalize(), records()), name), expected, atol=EXACT_TO)


@pytest.mark.parametrize("name", ["image", "series", "features", "age"])
def test_standardize_takes_mean_and_deviation_of_each_position(name: str) -> None:
    x = records().columns[name].astype(np.float64)
    expected = (x - x.mean(axis=0)) / x.std(axis=0)
    np.testing.assert_allclose(values(fitted(Standardize(), records()), name), expected, atol=EXACT_TO)


def test_scale_takes_the_bounds_of_a_format_where_there_are_some() -> None:
    x = records().columns["image"] // 2
    dark = records().stored("image", x)
    np.testing.assert_allclose(values(fitted(Scale(0.0, 1.0), dark), "image"), x / 255, atol=1e-7)


@pytest.mark.parametrize(("name", "axis"), [("features", 0), ("series", None), ("age", None)])
def test_scale_takes_least_and_largest_values_elsewhere(name: str, axis: int | None) -> None:
    x = records().columns[name].astype(np.float64)
    low, high = x.min(axis=axis), x.max(axis=axis)
    found = values(fitted(Scale(-2.0, 4.0), records()), name)
    np.testing.assert_allclose(found, -2 + 6 * (x - low) / (high - low), atol=EXACT_TO)


def test_threshold_is_one_above_and_zero_at_the_value() -> None:
    table = Records(Schema({"x": field_type(3)}), {"x": np.array([[0.5, 0.50001, -1]], np.float32)})
    found = fitted(Threshold(0.5), table)
    np.testing.assert_array_equal(values(found, "x"), [[0, 1, 0]])
    assert found.schema.ranges["x"] == (0.0, 1.0)
    assert found.arrays["x"].dtype == np.uint8


def test_threshold_compares_what_the_stage_before_made() -> None:
    table = fitted(Scale(0.0, 1.0), records())
    found = fitted(Threshold(0.25), table)
    np.testing.assert_array_equal(values(found, "image"), records().columns["image"] / 255 > 0.25)


def test_stages_compose() -> None:
    table = fitted(Scale(-1.0, 1.0), fitted(Normalize(), records()))
    x = records().columns["image"].astype(np.float64)
    normal = (x - x.mean(axis=(0, 1, 2))) / x.std(axis=(0, 1, 2))
    expected = 2 * (normal - normal.min()) / (normal.max() - normal.min()) - 1
    np.testing.assert_allclose(values(table, "image"), expected, atol=EXACT_TO)


def test_statistics_hold_over_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Normalize().fit(records())
    monkeypatch.setattr("dslc.data.table.BLOCK", 100)
    for name, stats in Normalize().fit(records()).items():
        for part, numbers in stats.items():
            # Float64, merged in another order.
            np.testing.assert_allclose(numbers, whole[name][part], rtol=1e-12)


def test_a_large_mean_does_not_drown_a_small_deviation() -> None:
    x = np.float32(1e6) + np.arange(8, dtype=np.float32).reshape(8, 1) / 8
    stats = Normalize().fit(Records(Schema({"features": field_type(1)}), {"features": x}))
    # Eighths below 2**21 are exact in float32: the deviation is that of 0, 1/8 .. 7/8.
    np.testing.assert_allclose(stats["features"]["width"], np.std(np.arange(8) / 8), rtol=1e-9)


@pytest.mark.parametrize("stage", [Normalize(), Standardize(), Scale(0.0, 1.0)])
@pytest.mark.parametrize("constant", [0.1, 0.0, -7e8])
def test_a_constant_column_is_only_shifted(stage: Stage, constant: float) -> None:
    column = np.full((1000, 2), constant, np.float32)
    table = Records(Schema({"features": field_type(2)}), {"features": column})
    stats = stage.fit(table)
    assert stats["features"]["width"] == [1.0, 1.0]
    # The mean of equal float32 numbers is that number to 1e-15 of its size, 7e8 here.
    np.testing.assert_allclose(values(stage.apply(table, stats), "features"), 0, atol=1e-6)


def test_the_rounding_of_a_constant_is_not_taken_for_a_deviation() -> None:
    plain = records().stored("image", np.full((40, 4, 3, 3), 77, np.uint8))
    stats = Normalize(fields=("image",)).fit(fitted(Scale(0.0, 1.0), plain))
    assert stats["image"]["width"] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("stage", FITTED)
def test_targets_and_integers_are_left_as_they_are(stage: Stage) -> None:
    table = fitted(stage, records())
    for name in ("island", "label", "target"):
        np.testing.assert_array_equal(values(table, name), records().columns[name])


@pytest.mark.parametrize(
    "stage", [Normalize(fields=("age",)), Standardize(("age",)), Scale(0, 1, ("age",)), Threshold(40, ("age",))]
)
def test_fields_narrows_what_a_stage_acts_on(stage: Stage) -> None:
    table = fitted(stage, records())
    assert not np.array_equal(values(table, "age"), records().columns["age"])
    for name in ("image", "series", "features"):
        np.testing.assert_array_equal(values(table, name), records().columns[name])


@pytest.mark.parametrize("stage", FITTED)
def test_statistics_are_those_of_the_training_part_alone(stage: Stage) -> None:
    train, test = records(), records(rows=20, seed=9)
    louder = test.stored("features", test.columns["features"] * 100)
    first, second = (stage.fit_apply(Parts(train, test=other), rng_seed=0) for other in (test, louder))
    np.testing.assert_array_equal(values(first.train, "features"), values(second.train, "features"))
    assert second.test is not None
    expected = stage.apply(louder, stage.fit(train))
    np.testing.assert_array_equal(values(second.test, "features"), values(expected, "features"))


@pytest.mark.parametrize("stage", FITTED)
def test_statistics_survive_json(stage: Stage) -> None:
    stats = stage.fit(records())
    again = json.loads(json.dumps(stats))
    for name in ("image", "series", "features", "age"):
        np.testing.assert_array_equal(
            values(stage.apply(records(), again), name), values(stage.apply(records(), stats), name)
        )


@pytest.mark.parametrize("stage", FITTED)
def test_rows_to_predict_from_may_lack_the_other_fields(stage: Stage) -> None:
    raw = records().only(["features"])
    found = stage.apply(raw, stage.fit(records()))
    np.testing.assert_array_equal(values(found, "features"), values(fitted(stage, records()), "features"))


@pytest.mark.parametrize("stage", FITTED)
def test_the_inferred_schema_is_that_of_the_result(stage: Stage) -> None:
    assert stage.infer(SCHEMA) == fitted(stage, records()).schema


def test_imagenet_statistics_are_those_of_its_pictures() -> None:
    stage = Normalize(stats="imagenet", fields=("image",))
    stage.infer(SCHEMA)
    x = records().columns["image"].astype(np.float64) / 255
    expected = (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(values(fitted(stage, records()), "image"), expected, atol=EXACT_TO)


def test_shuffle_orders_the_training_rows_by_the_seed() -> None:
    parts = Parts(records(), test=records(10))
    first, again, other = (Shuffle().fit_apply(parts, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(values(first.train, "target"), values(again.train, "target"))
    assert not np.array_equal(values(first.train, "target"), values(other.train, "target"))
    np.testing.assert_array_equal(np.sort(values(first.train, "target")), np.sort(values(parts.train, "target")))
    assert first.test is parts.test


def test_shuffle_keeps_the_fields_of_a_row_together() -> None:
    shuffled = Shuffle().fit_apply(Parts(records()), 0).train
    before = dict(zip(values(records(), "target"), values(records(), "age"), strict=True))
    assert dict(zip(values(shuffled, "target"), values(shuffled, "age"), strict=True)) == before


@pytest.mark.parametrize(
    ("fractions", "sizes"),
    [((0.8, 0.2), {"train": 32, "test": 8}), ((0.5, 0.25, 0.25), {"train": 20, "validation": 10, "test": 10})],
)
def test_split_forms_two_or_three_parts(fractions: tuple[float, ...], sizes: dict[str, int]) -> None:
    parts = Split(fractions).fit_apply(Parts(records()), 0)
    assert {name: table.rows() for name, table in parts.items()} == sizes
    rows = np.concatenate([values(table, "target") for _, table in parts.items()])
    np.testing.assert_array_equal(np.sort(rows), np.sort(records().columns["target"]))
    schema = Schema(SCHEMA.fields, rows={"train": 40})
    assert Split(fractions).infer(schema).rows == sizes


def test_split_draws_its_rows_at_random() -> None:
    parts = Split((0.5, 0.5)).fit_apply(Parts(records()), 0)
    assert not np.array_equal(values(parts.train, "target"), records().columns["target"][:20])


def test_split_keeps_a_test_part_that_there_is() -> None:
    own = records(7)
    parts = Split((0.75, 0.25)).fit_apply(Parts(records(), test=own), 0)
    assert {name: table.rows() for name, table in parts.items()} == {"train": 30, "validation": 10, "test": 7}
    assert parts.test is own
    schema = Schema(SCHEMA.fields, rows={"train": 40, "test": 7})
    assert Split((0.75, 0.25)).infer(schema).rows == {"train": 30, "validation": 10, "test": 7}


def test_split_cuts_a_text_in_order_and_measures_whole_windows() -> None:
    parts = Split((0.8, 0.1, 0.1)).fit_apply(Parts(text()), 0)
    found = {name: (table.arrays["ids"][0], table.rows()) for name, table in parts.items()}
    assert found == {"train": (0, 75), "validation": (80, 1), "test": (90, 1)}


@pytest.mark.parametrize(
    ("fractions", "reason", "help"),
    [
        (
            (1.0,),
            "`split` forms two or three parts, not 1",
            "write `split(0.8, 0.2)` for train and test, `split(0.8, 0.1, 0.1)` for train, validation and test",
        ),
        ((0.8, 0.1), "the parts of `split(0.8, 0.1)` add up to 0.9, not to 1", "the last part would be 0.2"),
        ((0.8, 0.3), "the parts of `split(0.8, 0.3)` add up to 1.1, not to 1", "the last part would be 0.2"),
        ((80, 20), "the parts of `split(80, 20)` add up to 100, not to 1", "fractions of the rows add up to 1"),
        ((1.0, 0.0), "`split(1, 0)` has a part that is not positive", "every part needs some of the rows"),
        ((1.5, -0.5), "`split(1.5, -0.5)` has a part that is not positive", "every part needs some of the rows"),
        ((float("nan"), 0.5), "`split(nan, 0.5)` has a part that is not positive", "every part needs some of the rows"),
    ],
)
def test_split_refuses_parts_that_are_no_whole(fractions: tuple[float, ...], reason: str, help: str) -> None:
    assert refused(Split(fractions)) == (reason, help)


def test_split_accepts_the_rounding_of_decimals() -> None:
    assert Split((0.7, 0.2, 0.1)).infer(SCHEMA).parts == ("train", "validation", "test")


def test_split_refuses_three_parts_beside_a_test_part() -> None:
    schema = Schema(SCHEMA.fields, rows={"train": 60, "test": 10})
    assert refused(Split((0.6, 0.2, 0.2)), schema) == (
        "the data has a test part of its own: `split` divides the rest into train and validation",
        "write `split(0.75, 0.25)`",
    )


def test_split_refuses_to_split_twice() -> None:
    schema = Schema(SCHEMA.fields, rows={"train": 60, "validation": 5, "test": 10})
    assert refused(Split((0.8, 0.2)), schema) == ("the data is split already", "leave one of the two out")


def test_split_refuses_an_empty_part_in_the_schema_and_in_the_data() -> None:
    stage, reason = Split((0.99, 0.01)), "the test part would not hold a single item"
    assert refused(stage, Schema(SCHEMA.fields, rows={"train": 40})) == (reason, "give it a larger fraction")
    for table in (records(), text()):
        with pytest.raises(DataRefused) as caught:
            stage.fit_apply(Parts(table), 0)
        assert caught.value.reason == reason


@pytest.mark.parametrize("stage", FITTED)
def test_a_text_is_refused_by_stages_for_floats(stage: Stage) -> None:
    listed = "the data has `tokens` i32[batch, 5], `target` i32[batch, 5]"
    assert refused(stage, text().schema) == (f"`{stage.name}` acts on float fields, and {listed}", "leave it out")


def test_a_text_is_not_shuffled() -> None:
    reason, help = "`shuffle` would tear the text apart", "leave it out: training draws its windows at random"
    assert refused(Shuffle(), text().schema) == (reason, help)
    with pytest.raises(DataRefused) as caught:
        Shuffle().fit_apply(Parts(text()), 0)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("stage", "reason", "help"),
    [
        (Normalize(stats="imagnet"), '`normalize` knows no statistics `"imagnet"`', 'the known ones are `"imagenet"`'),
        (
            Normalize(stats="imagenet", fields=("series",)),
            "ImageNet's statistics are for pictures with 3 channels, and `series` is [batch, 5, 2]",
            "write `normalize`: it takes the statistics of the data itself",
        ),
        (Scale(1.0, 1.0), "`scale` needs `low` below `high`, and 1 is not below 1", None),
        (Scale(1.0, 0.0), "`scale` needs `low` below `high`, and 1 is not below 0", None),
        (
            Threshold(300.0),
            "`image` goes from 0 to 255: above 300 is either all of it or nothing",
            "a threshold in the middle is `threshold(127.5)`",
        ),
        (
            Threshold(-1.0, ("image",)),
            "`image` goes from 0 to 255: above -1 is either all of it or nothing",
            "a threshold in the middle is `threshold(127.5)`",
        ),
        (
            Normalize(fields=("label",)),
            "`normalize` leaves `label` as it is: it is what the model learns",
            "leave `label` out of `fields`",
        ),
        (Standardize(("island",)), "`standardize` acts on float fields, and `island` is i32[batch]", None),
    ],
)
def test_settings_that_do_not_fit_are_refused(stage: Stage, reason: str, help: str | None) -> None:
    assert refused(stage) == (reason, help)


def test_a_field_that_is_not_there_comes_with_the_nearest() -> None:
    reason, help = refused(Scale(0.0, 1.0, ("feature",)))
    assert reason.startswith(
        "there is no field `feature`: the data has `image` [batch, 4, 3, 3], `series` [batch, 5, 2]"
    )
    assert help == "did you mean `features`?"


def test_only_split_forms_parts() -> None:
    assert [stage.name for stage in STAGES if stage.first] == ["split"]

"""Tables: gathering on the device against indexing in NumPy, maps that wait, and pieces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dslc.data.base import Parts, Records, Schema, Windows, field_type
from dslc.data.table import Affine, bounds, generator

SCHEMA = Schema(
    {"image": field_type(2, 3, 2), "features": field_type(4), "label": field_type(dtype="i32")},
    classes={"label": 3},
    ranges={"image": (0.0, 255.0)},
    storage={"image": "u8"},
)


def records(rows: int = 7) -> Records:
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (rows, 2, 3, 2), np.uint8)
    features = random.normal(size=(rows, 4)).astype(np.float32)
    return Records(SCHEMA, {"image": image, "features": features, "label": np.arange(rows, dtype=np.int32) % 3})


def affine(rank: int, *size: int) -> Affine:
    random = np.random.default_rng(1)
    shape = (1,) * (rank - len(size)) + size
    return Affine(random.normal(size=shape), random.uniform(1, 2, shape))


def test_gathering_takes_rows_in_the_order_of_the_index() -> None:
    table, index = records(), np.array([5, 0, 5, 2], np.int32)
    found = jax.jit(table.gather)(table.arrays, jnp.asarray(index))
    np.testing.assert_array_equal(found["image"], table.columns["image"][index].astype(np.float32))
    np.testing.assert_array_equal(found["features"], table.columns["features"][index])
    np.testing.assert_array_equal(found["label"], table.columns["label"][index])


def test_gathering_is_pure_in_its_arrays() -> None:
    table, other = records(), records(5)
    gather = jax.jit(table.gather)
    index = jnp.array([1, 3], jnp.int32)
    np.testing.assert_array_equal(gather(other.arrays, index)["features"], other.columns["features"][[1, 3]])


def test_a_map_of_bytes_waits_and_a_map_of_floats_is_made() -> None:
    table = records().mapped("image", affine(4, 2)).mapped("features", affine(2, 4))
    assert table.columns["image"].dtype == np.uint8
    assert set(table.arrays) == {"image", "image center", "image width", "features", "label"}
    assert table.columns["features"].dtype == np.float32


@pytest.mark.parametrize(("name", "rank", "size"), [("image", 4, 2), ("features", 2, 4)])
def test_maps_are_applied_one_after_the_other(name: str, rank: int, size: int) -> None:
    first, second = affine(rank, size), Affine(np.full((1,) * rank, 0.25), np.full((1,) * rank, 3.0))
    table = records().mapped(name, first).mapped(name, second)
    x = records().columns[name].astype(np.float64)
    expected = ((x - first.center) / first.width - 0.25) / 3
    # Float32 of values up to 255 less a center: 255 * 2**-24, twice.
    np.testing.assert_allclose(table.gather(table.arrays, jnp.arange(7))[name], expected, atol=3e-5)
    np.testing.assert_allclose(np.concatenate(list(table.blocks(name))), expected, atol=3e-5)


def test_a_byte_scaled_to_one_is_exactly_one() -> None:
    image = np.full((1, 2, 3, 2), 255, np.uint8)
    table = Records(SCHEMA.only(["image"]), {"image": image})
    scaled = table.mapped("image", Affine(np.zeros((1,) * 4), np.full((1,) * 4, 255.0)))
    assert (np.asarray(jax.jit(scaled.gather)(scaled.arrays, jnp.array([0], jnp.int32))["image"]) == 1).all()


def test_only_leaves_the_other_fields_and_their_maps_at_home() -> None:
    table = records().mapped("image", affine(4, 2))
    assert set(table.only(["features"]).arrays) == {"features"}
    assert set(table.only(["image"]).arrays) == {"image", "image center", "image width"}
    assert table.only(["label", "image"]).schema.fields.keys() == {"image", "label"}


def test_blocks_cover_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dslc.data.table.BLOCK", 25)
    found = list(records().blocks("image"))
    assert [len(block) for block in found] == [2, 2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(found), records().columns["image"])


def test_pieces_hold_every_row_once() -> None:
    table = Records(SCHEMA.only(["label"]), {"label": np.arange(101, dtype=np.int32)})
    pieces = table.divide((0.7, 0.2, 0.1), seed=3)
    assert [piece.rows() for piece in pieces] == [71, 20, 10]
    np.testing.assert_array_equal(np.sort(np.concatenate([piece.arrays["label"] for piece in pieces])), np.arange(101))


def test_pieces_follow_the_seed_alone() -> None:
    first, again, other = (records(50).divide((0.5, 0.5), seed)[0].arrays["features"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_text_is_cut_in_order() -> None:
    schema = Schema({"tokens": field_type(4, dtype="i32"), "target": field_type(4, dtype="i32")})
    pieces = Windows(schema, np.arange(100), 4).divide((0.8, 0.1, 0.1), seed=3)
    np.testing.assert_array_equal(np.concatenate([piece.arrays["ids"] for piece in pieces]), np.arange(100))
    assert [piece.rows() for piece in pieces] == [76, 6, 6]


@pytest.mark.parametrize(
    ("length", "context", "stride", "rows"),
    [(10, 3, 1, 7), (10, 3, 3, 3), (9, 3, 3, 2), (4, 3, 3, 1), (3, 3, 1, 0), (0, 3, 1, 0)],
)
def test_windows_are_counted_with_the_character_to_predict(length: int, context: int, stride: int, rows: int) -> None:
    assert Windows(Schema({}), np.arange(length), context, stride).rows() == rows


def test_windows_can_leave_a_field_out() -> None:
    schema = Schema({"tokens": field_type(2, dtype="i32"), "target": field_type(2, dtype="i32")})
    table = Windows(schema, np.arange(9, dtype=np.uint8), 2).only(["target"])
    found = table.gather(table.arrays, jnp.array([4], jnp.int32))
    assert list(found) == ["target"]
    np.testing.assert_array_equal(found["target"], [[5, 6]])


def test_bounds_share_no_item_and_leave_none_out() -> None:
    assert bounds(10, (0.33, 0.33, 0.34)) == [(0, 3), (3, 7), (7, 10)]
    assert bounds(1797, (0.8, 0.2)) == [(0, 1438), (1438, 1797)]


def test_any_seed_makes_a_generator() -> None:
    draws = {generator(seed, purpose).integers(2**60) for seed in (-1, 1, 2**70) for purpose in ("divide", "shuffle")}
    assert len(draws) == 6


def test_parts_are_changed_alike_and_keep_their_names() -> None:
    parts = Parts(records(), test=records(3), names={"label": ("a", "b", "c")})
    changed = parts.map(lambda table: table.only(["label"]))
    assert [(name, list(table.arrays)) for name, table in changed.items()] == [
        ("train", ["label"]),
        ("test", ["label"]),
    ]
    assert changed.names == parts.names

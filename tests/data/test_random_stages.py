"""Stages that draw for each batch: what they may give, what is measured, and that one key gives one batch."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_stages import records

from dslc.data.base import STAGES, DataRefused, Parts, Records, Schema, Stage
from dslc.data.pipeline import Pipeline
from dslc.data.stages.cutmix import Cutmix
from dslc.data.stages.mixup import Mixup
from dslc.data.stages.normalize import Normalize
from dslc.data.stages.rand_augment import RandAugment
from dslc.data.stages.random_affine import RandomAffine, warped
from dslc.data.stages.random_crop import RandomCrop
from dslc.data.stages.random_flip import RandomFlip
from dslc.data.stages.random_resized_crop import RandomResizedCrop
from dslc.data.stages.resize import Resize
from dslc.data.stages.scale import Scale
from dslc.data.stages.standardize import Standardize
from dslc.data.stages.threshold import Threshold

ONLY: dict[str, Any] = {"fields": ("image",)}
DRAWN: list[Stage] = [
    RandomCrop(3, **ONLY), RandomCrop((4, 2), padding=1, **ONLY), RandomResizedCrop((3, 5), **ONLY),
    RandomFlip(**ONLY), RandomAffine(rotate=20, translate=0.1, scale=0.1, shear=5, **ONLY), Mixup(0.4, **ONLY),
    Cutmix(1.0, **ONLY),
]  # fmt: skip
ROWS = 40


def through(*stages: Stage) -> Records:
    parts = Parts(records(ROWS))
    for stage in stages:
        stage.infer(parts.train.schema)
        parts = stage.fit_apply(parts, 0)
    assert isinstance(parts.train, Records)
    return parts.train


def batch(table: Records, key: int | None = None, rows: Any = range(ROWS)) -> dict[str, np.ndarray]:
    drawn = None if key is None else jax.random.key(key)
    found = jax.jit(table.gather)(table.arrays, jnp.asarray(list(rows), jnp.int32), drawn)
    return {name: np.asarray(array) for name, array in found.items()}


PICTURES = np.asarray(records(ROWS).columns["image"], np.float32)


@pytest.mark.parametrize("stage", DRAWN, ids=lambda stage: stage.name)
def test_a_key_decides_the_batch_and_the_schema_its_types(stage: Stage) -> None:
    table = through(stage)
    one, same, other = batch(table, 1), batch(table, 1), batch(table, 2)
    for name, type in table.schema.fields.items():
        assert one[name].shape == type.bind({"batch": ROWS}).shape
        np.testing.assert_array_equal(one[name], same[name])
    assert (one["image"] != other["image"]).any()
    assert table.draws


@pytest.mark.parametrize("stage", DRAWN, ids=lambda stage: stage.name)
def test_without_a_key_nothing_is_drawn(stage: Stage) -> None:
    table = through(stage)
    alone = batch(table, None, rows=[7])
    np.testing.assert_allclose(batch(table)["image"][7:8], alone["image"], rtol=1e-6)
    if alone["image"].shape[1:] == PICTURES.shape[1:]:
        np.testing.assert_array_equal(alone["image"], PICTURES[7:8])


def test_a_crop_is_a_piece_of_the_picture_with_its_border() -> None:
    found = batch(through(RandomCrop((4, 2), padding=1, **ONLY)), 3)["image"]
    padded = np.pad(PICTURES, ((0, 0), (1, 1), (1, 1), (0, 0)))
    places = set()
    for picture, piece in zip(padded, found, strict=True):
        fits = [
            (top, left)
            for top in range(3)
            for left in range(4)
            if np.array_equal(picture[top : top + 4, left : left + 2], piece)
        ]
        assert fits
        places.add(fits[0])
    # Of 12 places 40 pictures leave each out with a chance of 3 %.
    assert len(places) > 6
    np.testing.assert_array_equal(batch(through(RandomCrop(2, **ONLY)))["image"], PICTURES[:, 1:3, 0:2])


def test_a_flip_turns_about_half_of_the_pictures() -> None:
    found = batch(through(RandomFlip(**ONLY)), 0)["image"]
    turned = [np.array_equal(a, b[:, ::-1]) for a, b in zip(found, PICTURES, strict=True)]
    kept = [np.array_equal(a, b) for a, b in zip(found, PICTURES, strict=True)]
    assert all(a or b for a, b in zip(turned, kept, strict=True))
    # Six deviations of 40 coins.
    assert 1 < sum(turned) < 39
    always = batch(through(RandomFlip(1.0, horizontal=False, vertical=True, **ONLY)), 0)["image"]
    np.testing.assert_array_equal(always, PICTURES[:, ::-1])


def test_a_resized_crop_of_everything_is_a_resize() -> None:
    whole = RandomResizedCrop((8, 6), area=(1.0, 1.0), ratio=(0.75, 0.75), **ONLY)
    found = batch(through(whole), 0)["image"]
    wanted = jax.image.resize(PICTURES, (ROWS, 8, 6, 3), "linear")
    # Float32 sums of two to four pixels up to 255.
    np.testing.assert_allclose(found, wanted, atol=1e-2)


def test_affine_maps_agree_with_scipy() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    matrix, origin, center = np.array([[0.9, -0.2], [0.3, 1.1]]), np.array([2.0, 1.5]), np.array([1.5, 1.0])
    found = warped(*(jnp.asarray(array, jnp.float32) for array in (PICTURES[0], matrix, origin, center)))
    for channel in range(3):
        wanted = ndimage.affine_transform(
            PICTURES[0, :, :, channel], matrix, center - matrix @ origin, order=1, mode="constant", prefilter=False
        )
        inside = np.abs(np.asarray(found)[..., channel] - wanted) < 1e-2
        # At the border SciPy leaves out what JAX mixes with the zeros outside.
        assert inside.mean() > 0.5


def test_a_turn_by_nothing_leaves_the_picture() -> None:
    eye, middle = jnp.eye(2, dtype=jnp.float32), jnp.array([1.5, 1.0], jnp.float32)
    np.testing.assert_allclose(warped(jnp.asarray(PICTURES[0]), eye, middle, middle), PICTURES[0], atol=1e-3)


@pytest.mark.parametrize("stage", [Mixup(0.4, **ONLY), Cutmix(1.0, **ONLY)], ids=lambda stage: stage.name)
def test_mixed_pictures_have_the_shares_of_their_classes(stage: Stage) -> None:
    table = through(stage)
    label = records(ROWS).columns["label"]
    np.testing.assert_array_equal(batch(table)["shares"], np.eye(3)[label])
    found = batch(table, 5)
    np.testing.assert_allclose(found["shares"].sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(found["label"], label)
    partner = np.roll(PICTURES, 1, axis=0)
    share = float(found["shares"][np.arange(ROWS), label].min())
    assert 0 < share < 1
    if isinstance(stage, Mixup):
        np.testing.assert_allclose(found["image"], share * PICTURES + (1 - share) * partner, atol=1e-3)
        return
    of_partner = (found["image"] != PICTURES).any(axis=(0, 3))
    assert np.array_equal(found["image"][:, of_partner], partner[:, of_partner])
    assert 1 - of_partner.mean() == pytest.approx(share, abs=1e-6)


def test_pictures_of_one_item_are_cut_and_mixed_alike() -> None:
    image = jnp.asarray(PICTURES)
    cut = Cutmix(0.3, ("image", "depth")).mix(("image", "depth"), 10)
    for seed in range(8):
        found = cut({"image": image, "depth": image, "label": jnp.arange(ROWS) % 10}, jax.random.key(seed))
        np.testing.assert_array_equal(found["depth"], found["image"])


def test_a_field_that_only_a_mixture_reads_is_kept_and_not_given() -> None:
    table = through(Mixup(0.4, **ONLY)).only(["shares"])
    assert set(batch(table, 0)) == {"shares"}
    assert "label" in table.arrays


def test_what_comes_after_a_draw_happens_after_it() -> None:
    scaled = through(RandomCrop((4, 3), padding=2, **ONLY), Scale(-1, 1, **ONLY))
    # A border of 0 becomes the low end: it was there before the values were moved.
    assert batch(scaled, 1)["image"].min() == -1
    normal = through(Normalize(**ONLY), RandomCrop((4, 3), padding=2, **ONLY))
    plain = through(RandomCrop((4, 3), padding=2, **ONLY), Normalize(**ONLY))
    np.testing.assert_allclose(batch(normal)["image"], batch(plain)["image"], atol=1e-5)


def test_resizing_agrees_with_jax_and_keeps_bytes() -> None:
    table = through(Resize((2, 5), **ONLY))
    assert table.columns["image"].dtype == np.uint8
    wanted = jax.image.resize(PICTURES, (ROWS, 2, 5, 3), "linear", antialias=True)
    # Rounded to whole numbers once.
    np.testing.assert_allclose(batch(table)["image"], wanted, atol=0.5 + 1e-3)


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ((RandomCrop(5, **ONLY),), "cuts 5 x 5 out of `image`, whose pictures are 4 x 3"),
        ((RandomCrop(0, **ONLY),), "no size `0`"),
        ((RandomCrop(2, fields=("features",)),), "acts on pictures"),
        ((RandomFlip(horizontal=False, **ONLY),), "turns nothing"),
        ((RandomAffine(**ONLY),), "moves nothing"),
        ((RandomAffine(rotate=200, **ONLY),), "not between 0 and 180"),
        ((RandomResizedCrop(3, area=(0.5, 2.0), **ONLY),), "`area = [0.5, 2]`"),
        ((Mixup(0.0, **ONLY),), "`alpha` of 0"),
        ((Mixup(0.2, **ONLY), Cutmix(1.0, **ONLY)), "mixed already"),
        ((RandomCrop(3, **ONLY), Standardize(**ONLY)), "of another shape"),
        ((RandomFlip(**ONLY), Threshold(99.0, **ONLY)), "drawn anew"),
        ((RandomFlip(**ONLY), Resize(2, **ONLY)), "drawn anew"),
        ((Standardize(**ONLY), Resize(2, **ONLY)), "statistics of its own"),
        ((RandomCrop(2, fields=()),), "none of the fields"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(stages: tuple[Stage, ...], reason: str) -> None:
    with pytest.raises(DataRefused) as caught:
        through(*stages)
    assert reason in str(caught.value)


def test_every_stage_that_draws_is_looked_at() -> None:
    drawn = {stage.name for stage in DRAWN}
    assert drawn == {name for name in STAGES.names() if name.startswith("random_") or name in ("mixup", "cutmix")}


def test_a_pipeline_with_draws_replays_for_prediction() -> None:
    stages = (RandAugment(**ONLY), RandomCrop(2, **ONLY), Normalize(**ONLY), Mixup(0.2, **ONLY))
    pipeline = Pipeline(None, stages)  # type: ignore[arg-type]
    fitted = [stage.fit(records(ROWS)) for stage in pipeline.ordered]
    rows = records(ROWS).only(["image"])
    # Of rows to predict from only the types are known.
    table = pipeline.replay(Records(Schema(rows.schema.fields), rows.columns), fitted)
    assert isinstance(table, Records)
    assert batch(table)["image"].shape == (ROWS, 2, 2, 3)

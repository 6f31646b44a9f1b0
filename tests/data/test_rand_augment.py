"""Changes of colours beside Pillow's, and what `rand_augment` makes of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dslc.data.base import DataRefused
from dslc.data.schema import Schema, field_type
from dslc.data.stages import _colours as colours
from dslc.data.stages.rand_augment import COLOURS, MOVES, Augmented, RandAugment

PICTURE = np.random.default_rng(0).integers(40, 200, (7, 9, 3), np.uint8)


def ours(change: Any, *settings: Any) -> np.ndarray:
    return np.asarray(change(jnp.asarray(PICTURE, jnp.float32), *settings))


def pillow() -> tuple[Any, Any, Any]:
    image = pytest.importorskip("PIL.Image")
    from PIL import ImageEnhance, ImageOps

    return image.fromarray(PICTURE), ImageOps, ImageEnhance


def test_whole_numbers_are_those_of_pillow() -> None:
    picture, ops, _ = pillow()
    np.testing.assert_array_equal(ours(colours.solarized, 100), np.asarray(ops.solarize(picture, 100)))
    np.testing.assert_array_equal(ours(colours.posterized, 3), np.asarray(ops.posterize(picture, 3)))
    np.testing.assert_array_equal(ours(colours.equalized), np.asarray(ops.equalize(picture)))
    # Pillow works out a table of whole numbers in double precision: one where a product lies at a whole number.
    np.testing.assert_allclose(ours(colours.stretched), np.asarray(ops.autocontrast(picture)), atol=1)


@pytest.mark.parametrize("factor", [0.1, 0.7, 1.0, 1.9])
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (colours.coloured, "Color"),
        (colours.brightened, "Brightness"),
        (colours.contrasted, "Contrast"),
        (colours.sharpened, "Sharpness"),
    ],
)
def test_blends_are_those_of_pillow(change: Any, name: str, factor: float) -> None:
    picture, _, enhance = pillow()
    wanted = np.asarray(getattr(enhance, name)(picture).enhance(factor), np.float32)
    # Pillow rounds the other picture and the blend: by half a step each, the first one times its share.
    np.testing.assert_allclose(ours(change, factor), wanted, atol=1 + abs(1 - factor))


def test_a_picture_of_one_value_stays() -> None:
    plain = jnp.full((4, 4, 3), 90.0)
    for change in (colours.stretched, colours.equalized):
        np.testing.assert_array_equal(change(plain), plain)


def test_without_strength_moves_and_blends_leave_the_picture() -> None:
    none, picture = Augmented(("image",), 1, 0.0), jnp.asarray(PICTURE, jnp.float32)
    # Numbers 10, 12 and 13 are posterize with all bits and the two that have no strength.
    for way in [*range(MOVES), *range(MOVES, MOVES + COLOURS - 3)]:
        np.testing.assert_allclose(none._one(picture, jnp.int32(way), jnp.float32(1.0)), picture, atol=1e-2)


def test_values_stay_in_range_and_ways_differ() -> None:
    pictures = jnp.asarray(np.stack([PICTURE] * 24), jnp.float32)
    found = np.asarray(jax.jit(Augmented(("image",), 2, 0.5).of)(pictures, jax.random.key(1)))
    assert found.min() >= 0 and found.max() <= 255
    # Of 24 pictures with two of 14 ways each hardly two are alike.
    assert len({picture.tobytes() for picture in found}) > 15


def test_other_values_than_bytes_are_refused() -> None:
    known = Schema({"image": field_type(4, 4, 3)}, ranges={"image": (0.0, 255.0)})
    assert RandAugment().infer(known) == known
    with pytest.raises(DataRefused, match="needs values from 0 to 255"):
        RandAugment().infer(known.without_range(["image"]))
    with pytest.raises(DataRefused, match="strength 31"):
        RandAugment(m=31).infer(known)

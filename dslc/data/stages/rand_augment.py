"""Some random changes of each picture."""

from dataclasses import dataclass
from math import radians
from typing import Any

from dslc.data.base import DataRefused, Schema, stage
from dslc.data.changes import Change
from dslc.data.stages import _colours as colours
from dslc.data.stages._pictures import DrawnStage
from dslc.data.stages.random_affine import warped
from dslc.lazy import jax, jnp

STRONGEST = 30
MOVES = 5
"""Rotation, two shears and two shifts, which are one map of places with other numbers."""
COLOURS = 9
"""Nothing, and eight changes of colours."""


@stage
class RandAugment(DrawnStage):
    """Change each picture `n` times in ways drawn for each batch of training, each with the strength `m` of 30.

    The ways are: none, rotation up to 30 degrees, shears and shifts along both axes, colour, brightness, contrast and
    sharpness up or down by up to 0.9, posterize, solarize, autocontrast, equalize. Values have to be those of a format,
    so it comes before `normalize`. What is measured stays as it is.

    Shapes: `[batch, h, w, c]` to `[batch, h, w, c]`.
    Reference: Cubuk, Zoph, Shlens and Le, 2019, arXiv:1909.13719.
    """

    n: int = 2
    m: int = 9
    fields: tuple[str, ...] | None = None

    aliases = ("RandAugment", "AutoAugment", "TrivialAugmentWide")

    def infer(self, schema: Schema) -> Schema:
        if self.n < 1 or not 0 <= self.m <= STRONGEST:
            reason = f"`rand_augment` makes {self.n} changes of strength {self.m}"
            raise DataRefused(reason, f"`n` is 1 or more, `m` from 0 to {STRONGEST}")
        for name in self.pictures(schema):
            if schema.ranges.get(name) != (0.0, 255.0):
                reason = f"`rand_augment` needs values from 0 to 255, and those of `{name}` are others or not known"
                raise DataRefused(reason, f"write it before what changes values, or `scale(0, 255, fields = [{name}])`")
        return super().infer(schema)

    def change(self, names: tuple[str, ...]) -> Change:
        return Augmented(names, self.n, self.m / STRONGEST)


@dataclass(frozen=True)
class Augmented(Change):
    """Several changes, one after the other."""

    count: int
    strength: float

    def of(self, array: Any, key: Any) -> Any:
        if key is None:
            return array
        for turn in range(self.count):
            by_way, by_sign = jax.random.split(jax.random.fold_in(key, turn))
            way = jax.random.randint(by_way, (len(array),), 0, MOVES + COLOURS)
            sign = jnp.where(jax.random.bernoulli(by_sign, 0.5, (len(array),)), 1.0, -1.0)
            array = jax.vmap(self._one)(array, way, sign.astype(array.dtype))
        return array

    def _one(self, picture: Any, way: Any, sign: Any) -> Any:
        factor = 1 + 0.9 * self.strength * sign
        forms = (
            picture,
            colours.coloured(picture, factor),
            colours.brightened(picture, factor),
            colours.contrasted(picture, factor),
            colours.sharpened(picture, factor),
            colours.posterized(picture, 8 - round(4 * self.strength)),
            colours.solarized(picture, 255 * (1 - self.strength)),
            colours.stretched(picture),
            colours.equalized(picture),
        )
        return jnp.where(way < MOVES, self._moved(picture, way, sign), jnp.stack(forms)[jnp.maximum(way - MOVES, 0)])

    def _moved(self, picture: Any, way: Any, sign: Any) -> Any:
        """Of the five moves that one whose number it is; nothing where it is none of them."""
        amount = [jnp.where(way == number, sign * self.strength, 0) for number in range(MOVES)]
        angle, across, along = radians(30) * amount[0], 0.3 * amount[1], 0.3 * amount[2]
        turn = jnp.stack([jnp.cos(angle), -jnp.sin(angle), jnp.sin(angle), jnp.cos(angle)]).reshape(2, 2)
        slant = jnp.stack([jnp.ones_like(across), along, across, jnp.ones_like(across)]).reshape(2, 2)
        sides = jnp.asarray(picture.shape[:2], picture.dtype)
        center = (sides - 1) / 2
        matrix = jnp.matmul(turn, slant, precision="highest")
        return warped(picture, matrix, center + 150 / 331 * sides * jnp.stack(amount[3:]), center)

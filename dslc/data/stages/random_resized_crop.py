"""A piece of each picture, resized."""

from dataclasses import dataclass
from math import log
from typing import Any

from dslc.data.base import DataRefused, stage
from dslc.data.changes import Change
from dslc.data.stages._pictures import DrawnStage, measured_form, two
from dslc.dims import Size
from dslc.lazy import jax, jnp


@stage
class RandomResizedCrop(DrawnStage):
    """Cut out a piece of random size, shape and place of each picture and resize it, anew for each batch of training.

    Its area is a share of the picture between the two of `area`, its width over its height between the two of `ratio`; a
    side that would be longer than that of the picture is as long. What is measured is the middle, 7/8 of the shorter side.

    Shapes: `[batch, h, w, c]` to `[batch, height, width, c]`.
    Reference: Szegedy et al., 2014, Going deeper with convolutions, arXiv:1409.4842.
    """

    size: int | tuple[int, ...]
    area: tuple[float, ...] = (0.08, 1.0)
    ratio: tuple[float, ...] = (0.75, 4 / 3)
    fields: tuple[str, ...] | None = None

    aliases = ("RandomResizedCrop", "inception_crop")
    resizes = True

    def resized(self) -> tuple[int, int]:
        return two(self.name, self.size)

    def check(self, name: str, size: tuple[Size, ...]) -> None:
        for setting, pair, most in (("area", self.area, 1.0), ("ratio", self.ratio, float("inf"))):
            if len(pair) != 2 or not 0 < pair[0] <= pair[1] <= most:
                shown = ", ".join(f"{number:g}" for number in pair)
                reason = f"`{setting} = [{shown}]` is no least and largest number above 0"
                raise DataRefused(reason, "area = [0.08, 1.0], ratio = [0.75, 1.33]")

    def change(self, names: tuple[str, ...]) -> Change:
        area, ratio = (self.area[0], self.area[1]), (self.ratio[0], self.ratio[1])
        return ResizedCut(names, self.resized(), area, ratio)


@dataclass(frozen=True)
class ResizedCut(Change):
    """A random piece in a given size."""

    size: tuple[int, int]
    area: tuple[float, float]
    ratio: tuple[float, float]

    def of(self, array: Any, key: Any) -> Any:
        if key is None:
            return measured_form(array, self.size)
        count, whole = len(array), jnp.asarray(array.shape[1:3], array.dtype)
        by_area, by_ratio, by_place = jax.random.split(key, 3)
        area = jax.random.uniform(by_area, (count,), array.dtype, *self.area) * whole[0] * whole[1]
        ratio = jnp.exp(jax.random.uniform(by_ratio, (count,), array.dtype, *map(log, self.ratio)))
        sides = jnp.stack([jnp.sqrt(area / ratio), jnp.sqrt(area * ratio)], axis=1)
        sides = jnp.minimum(sides, whole[None, :])
        corner = jax.random.uniform(by_place, (count, 2), array.dtype) * (whole[None, :] - sides)
        return jax.vmap(self._one)(array, corner, sides)

    def _one(self, picture: Any, corner: Any, sides: Any) -> Any:
        scale = jnp.asarray(self.size, picture.dtype) / sides
        shape = (*self.size, picture.shape[-1])
        return jax.image.scale_and_translate(picture, shape, (0, 1), scale, -corner * scale, "linear", antialias=True)

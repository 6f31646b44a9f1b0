"""Pictures in a mirror."""

from dataclasses import dataclass
from typing import Any

from dslc.data.base import DataRefused, Schema, stage
from dslc.data.changes import Change
from dslc.data.stages._pictures import DrawnStage
from dslc.lazy import jax, jnp


@stage
class RandomFlip(DrawnStage):
    """Turn half of the pictures of a batch left to right, others in each batch of training, with `vertical` upside down too.

    What is measured stays as it is.

    Shapes: `[batch, h, w, c]` to `[batch, h, w, c]`.
    Reference: Krizhevsky, Sutskever and Hinton, 2012, ImageNet classification with deep convolutional networks.
    """

    share: float = 0.5
    horizontal: bool = True
    vertical: bool = False
    fields: tuple[str, ...] | None = None

    aliases = ("RandomHorizontalFlip", "RandomVerticalFlip", "horizontal_flip")

    def infer(self, schema: Schema) -> Schema:
        if not 0 < self.share <= 1:
            raise DataRefused(f"`random_flip` turns a share of {self.share:g}", "`share` is above 0 and at most 1")
        if not (self.horizontal or self.vertical):
            raise DataRefused("`random_flip` turns nothing", "leave it out, or write `horizontal = true`")
        return super().infer(schema)

    def change(self, names: tuple[str, ...]) -> Change:
        return Flip(names, self.share, tuple(axis for axis in (2, 1) if (self.vertical, self.horizontal)[axis - 1]))


@dataclass(frozen=True)
class Flip(Change):
    """A mirror for some pictures, along each of the axes by itself."""

    share: float
    axes: tuple[int, ...]

    def of(self, array: Any, key: Any) -> Any:
        if key is None:
            return array
        for axis in self.axes:
            turned = jax.random.bernoulli(jax.random.fold_in(key, axis), self.share, (len(array), 1, 1, 1))
            array = jnp.where(turned, jnp.flip(array, axis), array)
        return array

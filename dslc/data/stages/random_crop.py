"""A piece of each picture."""

from dataclasses import dataclass
from typing import Any

from dslc.data.base import DataRefused, stage
from dslc.data.changes import Change
from dslc.data.stages._pictures import DrawnStage, cut, middle, require_room, two
from dslc.dims import Size
from dslc.lazy import jax, jnp


@stage
class RandomCrop(DrawnStage):
    """Cut a piece of `size` or `[height, width]` out of each picture, anew for each batch of training.

    With `padding` a border of zeros is put around before. What is measured is the middle of each picture.

    Shapes: `[batch, h, w, c]` to `[batch, height, width, c]`.
    Reference: Krizhevsky, Sutskever and Hinton, 2012, ImageNet classification with deep convolutional networks.
    """

    size: int | tuple[int, ...]
    padding: int = 0
    fields: tuple[str, ...] | None = None

    aliases = ("RandomCrop", "crop", "center_crop")
    resizes = True

    def resized(self) -> tuple[int, int]:
        return two(self.name, self.size)

    def check(self, name: str, size: tuple[Size, ...]) -> None:
        if self.padding < 0:
            raise DataRefused(f"`random_crop` has a padding of {self.padding}", "`padding` is 0 or more")
        require_room(self.name, name, size, self.resized())

    def change(self, names: tuple[str, ...]) -> Change:
        return Cut(names, self.resized(), self.padding)


@dataclass(frozen=True)
class Cut(Change):
    """A piece at a random place."""

    size: tuple[int, int]
    padding: int

    def of(self, array: Any, key: Any) -> Any:
        if key is None:
            return middle(array, self.size)
        border = (self.padding, self.padding)
        padded = jnp.pad(array, ((0, 0), border, border, (0, 0)))
        room = jnp.asarray([have - want + 1 for have, want in zip(padded.shape[1:3], self.size, strict=True)])
        corner = jax.random.randint(key, (len(array), 2), 0, jnp.broadcast_to(room, (len(array), 2)))
        return cut(padded, corner, self.size)

"""What stages share that act on pictures: the fields they take, and how a picture is cut and resized on the device."""

from dataclasses import replace
from typing import Any

from dslc.data.base import DataRefused, Schema, Stage, Stats, Table, field_type
from dslc.data.changes import Change
from dslc.data.stages._affine import records
from dslc.dims import Size
from dslc.lazy import jax, jnp

SHRUNK = 7 / 8
"""Part of the shorter side that is kept where a random cut is measured: 224 of 256, as is usual with ImageNet."""


class PictureStage(Stage):
    """A stage that changes float fields `[batch, height, width, channels]`."""

    fields: tuple[str, ...] | None

    def pictures(self, schema: Schema) -> tuple[str, ...]:
        """The fields that it changes.

        Raises:
            DataRefused: when there is none.
        """
        names = self.acts_on(schema)
        chosen = tuple(name for name in names if schema.fields[name].rank == 4)
        other = next((name for name in names if name not in chosen), None)
        if not chosen or (self.fields is not None and other):
            name = other or names[0]
            reason = f"`{self.name}` acts on pictures [batch, height, width, channels], and `{name}` is {schema.fields[name]}"
            raise DataRefused(reason, "leave it out")
        return chosen


class DrawnStage(PictureStage):
    """One that draws anew for each picture and batch in training, by a change that `change` gives."""

    def resized(self) -> tuple[int, int] | None:
        """Height and width after it, where it changes them."""
        return None

    def change(self, names: tuple[str, ...]) -> Change:
        """What happens to these fields of a batch."""
        raise AssertionError(type(self).__name__)

    def infer(self, schema: Schema) -> Schema:
        names = self.pictures(schema)
        for name in names:
            self.check(name, schema.fields[name].shape[1:3])
        return self._after(schema, names)

    def _after(self, schema: Schema, names: tuple[str, ...]) -> Schema:
        size = self.resized()
        return schema if size is None else resized(schema, names, size)

    def check(self, name: str, size: tuple[Size, ...]) -> None:
        """Refuse pictures of a size.

        Raises:
            DataRefused: when they are too small.
        """

    def apply(self, table: Table, stats: Stats) -> Table:
        changed = records(table)
        names = tuple(name for name in self.pictures(changed.schema) if name in changed.columns)
        return changed.changed(self.change(names), self._after(changed.schema, names)) if names else changed


def resized(schema: Schema, names: tuple[str, ...], size: tuple[int, int]) -> Schema:
    """A schema whose pictures have another height and width."""
    channels = {name: schema.fields[name].shape[3] for name in names}
    fields = {name: field_type(*size, channels[name]) for name in names}  # pyright: ignore[reportArgumentType]
    return replace(schema, fields={**schema.fields, **fields})


def two(stage: str, size: int | tuple[int, ...]) -> tuple[int, int]:
    """Height and width from a setting.

    Raises:
        DataRefused: when it is neither a size nor two.
    """
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or min(sides) < 1:
        shown = size if isinstance(size, int) else list(size)
        raise DataRefused(f"`{stage}` has no size `{shown}`", f"write `{stage}(32)`, or `{stage}([32, 48])`")
    return sides[0], sides[1]


def require_room(stage: str, name: str, size: tuple[Size, ...], wanted: tuple[int, int]) -> None:
    """Refuse pictures that are smaller than what is cut out of them.

    Raises:
        DataRefused: with both sizes.
    """
    if any(isinstance(side, int) and side < least for side, least in zip(size, wanted, strict=True)):
        reason = f"`{stage}` cuts {wanted[0]} x {wanted[1]} out of `{name}`, whose pictures are {size[0]} x {size[1]}"
        raise DataRefused(reason, f"put `resize([{wanted[0]}, {wanted[1]}])` before it, or cut out less")


def cut(pictures: Any, corner: Any, size: tuple[int, int]) -> Any:
    """A piece of each picture, at a corner of its own.

    Shapes: `[batch, h, w, c]` and `[batch, 2]` to `[batch, *size, c]`.
    """

    def one(picture: Any, at: Any) -> Any:
        return jax.lax.dynamic_slice(picture, (at[0], at[1], jnp.zeros((), at.dtype)), (*size, picture.shape[-1]))

    return jax.vmap(one)(pictures, corner)


def middle(pictures: Any, size: tuple[int, int]) -> Any:
    """The piece in the middle of each picture."""
    top, left = ((have - want) // 2 for have, want in zip(pictures.shape[1:3], size, strict=True))
    return pictures[:, top : top + size[0], left : left + size[1]]


def scaled(pictures: Any, size: tuple[int, int]) -> Any:
    """Pictures of another size: bilinear, smoothed where they shrink."""
    if pictures.shape[1:3] == size:
        return pictures
    return jax.image.resize(pictures, (pictures.shape[0], *size, pictures.shape[3]), "linear", antialias=True)


def measured_form(pictures: Any, size: tuple[int, int]) -> Any:
    """Resized so that the piece is 7/8 of the shorter side, and cut out of the middle."""
    height, width = pictures.shape[1:3]
    factor = max(size[0] / height, size[1] / width) / SHRUNK
    return middle(scaled(pictures, (round(height * factor), round(width * factor))), size)

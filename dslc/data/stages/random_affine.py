"""Pictures turned, moved, scaled and sheared."""

from dataclasses import dataclass, fields
from math import radians
from typing import Any

from dslc.data.base import DataRefused, Schema, stage
from dslc.data.changes import Change
from dslc.data.stages._pictures import DrawnStage
from dslc.lazy import jax, jnp


@stage
class RandomAffine(DrawnStage):
    """Turn, move, scale and shear each picture at random around its middle, anew for each batch of training.

    `rotate` and `shear` are the largest angles in degrees, `translate` the largest move as a share of a side, `scale` the
    largest change of size as a share. Pixels are mixed bilinearly, and 0 comes in from outside. What is measured stays as
    it is.

    Shapes: `[batch, h, w, c]` to `[batch, h, w, c]`.
    Reference: Simard, Steinkraus and Platt, 2003, Best practices for convolutional neural networks.
    """

    rotate: float = 0.0
    translate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    fields: tuple[str, ...] | None = None

    aliases = ("RandomAffine", "RandomRotation", "RandomTranslation", "RandomZoom", "random_rotation")

    def infer(self, schema: Schema) -> Schema:
        amounts = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "fields"}
        if not any(amounts.values()):
            raise DataRefused("`random_affine` moves nothing", "write `random_affine(rotate = 10)`, for example")
        for name, most in {"rotate": 180, "translate": 1, "scale": 0.99, "shear": 80}.items():
            if not 0 <= amounts[name] <= most:
                raise DataRefused(f"`{name} = {amounts[name]:g}` is not between 0 and {most}")
        return super().infer(schema)

    def change(self, names: tuple[str, ...]) -> Change:
        return Moved(names, radians(self.rotate), self.translate, self.scale, radians(self.shear))


@dataclass(frozen=True)
class Moved(Change):
    """A random affine map of places."""

    rotate: float
    translate: float
    scale: float
    shear: float

    def of(self, array: Any, key: Any) -> Any:
        if key is None:
            return array
        drawn = jax.random.uniform(key, (len(array), 5), array.dtype, -1.0, 1.0)
        return jax.vmap(self._one)(array, drawn)

    def _one(self, picture: Any, drawn: Any) -> Any:
        angle, shear = self.rotate * drawn[0], jnp.tan(self.shear * drawn[1])
        size = 1 + self.scale * drawn[2]
        sides = jnp.asarray(picture.shape[:2], picture.dtype)
        # Backwards, from the place in the new picture to the one in the old.
        turn = jnp.stack([jnp.cos(angle), -jnp.sin(angle), jnp.sin(angle), jnp.cos(angle)]).reshape(2, 2) / size
        slant = jnp.stack([jnp.ones_like(shear), jnp.zeros_like(shear), shear, jnp.ones_like(shear)]).reshape(2, 2)
        center = (sides - 1) / 2
        matrix = jnp.matmul(turn, slant, precision="highest")
        return warped(picture, matrix, center + self.translate * sides * drawn[3:5], center)


def warped(picture: Any, matrix: Any, origin: Any, center: Any) -> Any:
    """A picture whose value at `p` is the old one at `matrix @ (p - origin) + center`, bilinear, 0 from outside.

    Shapes: `[h, w, c]`, `[2, 2]`, `[2]` and `[2]` to `[h, w, c]`.
    """
    height, width, _ = picture.shape
    rows = jnp.arange(height, dtype=picture.dtype)[:, None] - origin[0]
    columns = jnp.arange(width, dtype=picture.dtype)[None, :] - origin[1]
    places = [
        matrix[axis, 0] * jnp.broadcast_to(rows, (height, width))
        + matrix[axis, 1] * jnp.broadcast_to(columns, (height, width))
        + center[axis]
        for axis in (0, 1)
    ]
    sample = jax.scipy.ndimage.map_coordinates
    return jax.vmap(lambda plane: sample(plane, places, order=1, cval=0.0), in_axes=-1, out_axes=-1)(picture)

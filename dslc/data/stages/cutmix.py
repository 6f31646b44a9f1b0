"""Pictures with a piece of another one."""

from typing import Any

from dslc.data.base import stage
from dslc.data.changes import Change
from dslc.data.stages._mixed import Mix, MixedStage
from dslc.lazy import jax, jnp


@stage
class Cutmix(MixedStage):
    """Put a piece of another picture of its batch into each picture, in training, and mix their classes by its area.

    The share that stays is drawn for each batch, from a Beta distribution with both parameters `alpha`, the middle of the
    piece evenly; what juts out is cut off and not counted. The classes come as the new field `shares`, probabilities to
    train on, `loss = (logits, shares) -> cross_entropy`; `label` stays that of the first picture. What is measured is not
    mixed.

    Shapes: `[batch, h, w, c]` to `[batch, h, w, c]`, and `shares` is `[batch, classes]`.
    Reference: Yun et al., 2019, arXiv:1905.04899.
    """

    alpha: float
    fields: tuple[str, ...] | None = None

    aliases = ("CutMix", "cut_mix")

    def mix(self, names: tuple[str, ...], classes: int) -> Change:
        return Patch(names, self.alpha, classes)


class Patch(Mix):
    """A rectangle of the picture before."""

    def blended(self, array: Any, share: Any, key: Any) -> tuple[Any, Any]:
        sides = jnp.asarray(array.shape[1:3], jnp.float32)
        half = 0.5 * jnp.sqrt(1 - share) * sides
        middle = jax.random.uniform(key, (2,)) * sides
        low, high = jnp.round(middle - half), jnp.round(middle + half)
        inside = [
            (places >= low[axis]) & (places < high[axis])
            for axis, places in enumerate(jnp.arange(size, dtype=jnp.float32) for size in array.shape[1:3])
        ]
        patch = inside[0][:, None] & inside[1][None, :]
        mixed = jnp.where(patch[None, :, :, None], jnp.roll(array, 1, axis=0), array)
        return mixed, 1 - patch.mean()

"""Pictures blended."""

from typing import Any

from dslc.data.base import stage
from dslc.data.changes import Change
from dslc.data.stages._mixed import Mix, MixedStage
from dslc.lazy import jnp


@stage
class Mixup(MixedStage):
    """Blend each picture with another one of its batch, and their classes alike, in training.

    The share is drawn for each batch, from a Beta distribution with both parameters `alpha`. The classes come as the new
    field `shares`, probabilities to train on, `loss = (logits, shares) -> cross_entropy`; `label` stays that of the first
    picture. What is measured is not blended.

    Shapes: `[batch, h, w, c]` to `[batch, h, w, c]`, and `shares` is `[batch, classes]`.
    Reference: Zhang, Cisse, Dauphin and Lopez-Paz, 2017, arXiv:1710.09412.
    """

    alpha: float
    fields: tuple[str, ...] | None = None

    aliases = ("MixUp", "mix_up")

    def mix(self, names: tuple[str, ...], classes: int) -> Change:
        return Blend(names, self.alpha, classes)


class Blend(Mix):
    """A weighted mean of two pictures."""

    def blended(self, array: Any, share: Any, key: Any) -> tuple[Any, Any]:
        return share * array + (1 - share) * jnp.roll(array, 1, axis=0), share

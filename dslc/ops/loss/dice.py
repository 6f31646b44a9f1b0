"""Overlap of masks."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, must_broadcast, reduced, reduced_type, reduction_flops
from dslc.types import Type


@loss
class Dice(Loss):
    """How little masks overlap: `1 - (2 * sum(x * t) + smooth) / (sum(x) + sum(t) + smooth)`, each channel by itself.

    Takes shares from 0 to 1, so `sigmoid` or `softmax` before it. An empty mask that is met has a loss of 0, and one that is
    missed by little a small one with more `smooth`.

    Shapes: `[batch, ..., c]` and a target that broadcasts to it (and a weight that broadcasts to `[batch, c]`) to `[]`.
    Reference: Dice, 1945; Milletari, Navab and Ahmadi, 2016, arXiv:1606.04797, here without the squares.
    """

    smooth: float = 1.0
    reduce: Reduce = "mean"

    aliases = ("DiceLoss", "dice_loss")
    samples = (
        Sample(
            "dice",
            ("[1, 2, 2, 1]", "[1, 2, 2, 1]"),
            "[]",
            given=([[[[1.0], [0.5]], [[0.0], [0.5]]]], [[[[1.0], [1.0]], [[0.0], [0.0]]]]),
            gives=0.2,
            source="by hand: 1 - (2 * 1.5 + 1) / (2 + 2 + 1)",
        ),
        Sample('dice(0.5, "none")', ("[batch, h, w, c]", "bool[batch, h, w, c]"), "[batch, c]"),
        Sample("dice", ("[batch, n, 1]", "i32[batch, n, 1]", "[batch, 1]"), "[]"),
        Refused("dice", ("[batch, n]", "[batch, n]"), "[batch, ..., channels]"),
        Refused("dice(smooth = -1)", ("[batch, n, 1]", "[batch, n, 1]"), "must be at least 0"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if not self.smooth >= 0:
            raise Mismatch(f"`smooth = {self.smooth:g}` must be at least 0", "dice(smooth = 1)")
        floating(x)
        if x.rank < 3:
            way = "for one mask give it an axis of one channel: `it[..., none]`"
            raise Mismatch(f"needs masks [batch, ..., channels], and gets {x}", way, 0)
        must_broadcast(target, x.shape, "target", 1)
        return reduced_type(_masks(x), self.reduce, weight)

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        x = widened(x)
        target = jnp.broadcast_to(target, x.shape).astype(x.dtype)
        shape = (x.shape[0], x.shape[-1])
        # Masks and channels in front, as the weights have them.
        x, target = (jnp.moveaxis(part, -1, 1) for part in (x, target))
        x, target = heeded(weight, shape, x, target)
        inside = tuple(range(2, x.ndim))
        overlap = 2 * jnp.sum(x * target, axis=inside) + self.smooth
        total = jnp.sum(x + target, axis=inside) + self.smooth
        # Without `smooth`, two empty masks have no share: they agree, as they do with the least of it.
        there = total != 0
        return reduced(1 - jnp.where(there, overlap / jnp.where(there, total, 1), 1), weight, self.reduce)

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        flops = 4 * elements([x]) + (5 + reduction_flops(self.reduce, weight)) * elements([_masks(x)])
        return Cost(flops, moved(x, target, weight, out))


def _masks(x: Type) -> Type:
    return Type((x.shape[0], x.shape[-1]), x.dtype)

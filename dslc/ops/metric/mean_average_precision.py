"""Boxes that are found."""

from typing import TYPE_CHECKING, Any

from dslc.dims import same
from dslc.lazy import jax, jnp, lax, np
from dslc.ops._boxes import overlap
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, floating, moved
from dslc.ops.metric.base import Metric, metric
from dslc.types import Type

if TYPE_CHECKING:
    from numpy.typing import NDArray

MISS, HIT, TARGET = 0.0, 1.0, 2.0
"""What a row stands for: a box that was found in vain, one that meets a target, a target."""


@metric
class MeanAveragePrecision(Metric):
    """Area under precision over recall of the boxes found for each class, averaged over the classes that there are.

    In a picture boxes come by falling score, and each takes the target of its class that it overlaps most, of those not
    taken yet, if intersection over union is at least `threshold`. Precision is the best one at that recall or beyond.
    Boxes are `x1, y1, x2, y2`; a label below 0 fills up. Exact: 12 bytes are kept for each box and each target.

    Shapes: `[batch, n, 4]`, scores `[batch, n]`, `[batch, n]`, targets `[batch, m, 4]`, `[batch, m]` to `[rows, 3]`.
    Reference: Everingham et al., 2010, The Pascal visual object classes challenge; Lin et al., 2014, arXiv:1405.0312.
    """

    threshold: float = 0.5

    gathers = True
    aliases = ("mAP", "MeanAveragePrecision", "detection_map", "coco_map")
    samples = (
        Sample(
            "mean_average_precision",
            ("[1, 2, 4]", "[1, 2]", "i32[1, 2]", "[1, 1, 4]", "i32[1, 1]"),
            "[3, 3]",
            given=(
                [[[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.5]]],
                [[0.5, 0.75]],
                [[1, 1]],
                [[[0.0, 0.0, 2.0, 2.0]]],
                [[1]],
            ),
            gives=[[1.0, 0.5, 0.0], [1.0, 0.75, 1.0], [1.0, 0.0, 2.0]],
            source="by hand: class, score, and a miss, a hit, a target: the second box comes first and takes it",
        ),
        Sample(
            "mean_average_precision(0.75)",
            ("[batch, n, 4]", "[batch, n]", "i32[batch, n]", "[batch, 2, 4]", "i32[batch, 2]"),
            "[batch * (n + 2), 3]",
        ),
        Refused(
            "mean_average_precision(0)",
            ("[batch, 5, 4]", "[batch, 5]", "i32[batch, 5]", "[batch, 2, 4]", "i32[batch, 2]"),
            "`threshold = 0`",
        ),
        Refused(
            "mean_average_precision",
            ("[batch, 5, 4]", "[batch, 5]", "i32[batch, 5]", "[batch, 2, 5]", "i32[batch, 2]"),
            "`target` is [batch, 2, 5]",
        ),
    )

    def infer(self, x: Type, score: Type, label: Type, target: Type, target_label: Type) -> Type:
        if not 0 < self.threshold <= 1:
            raise Mismatch(f"`threshold = {self.threshold:g}` must be above 0 and at most 1", "threshold = 0.5")
        floating(x, score)
        _must_be(x, "x", 0, x.shape[:-1], boxes=True)
        _must_be(score, "score", 1, x.shape[:-1])
        _must_be(label, "label", 2, x.shape[:-1], integer=True)
        _must_be(target, "target", 3, (x.shape[0], *target.shape[1:-1]), boxes=True)
        _must_be(target_label, "target_label", 4, target.shape[:-1], integer=True)
        return Type((x.shape[0] * (x.shape[1] + target.shape[1]), 3), wide(x.dtype))

    def apply(
        self, weights: Any, x: Any, score: Any, label: Any, target: Any, target_label: Any, *, ctx: Context
    ) -> Any:
        x, score, target = widened(x), widened(score).astype(widened(x).dtype), target.astype(widened(x).dtype)
        hits = jax.vmap(self._hits)(x, score, label, target, target_label).astype(x.dtype)
        found = jnp.stack([label.astype(x.dtype), score, hits], axis=-1)
        zeros = jnp.zeros(target_label.shape, x.dtype)
        wanted = jnp.stack([target_label.astype(x.dtype), zeros, jnp.full_like(zeros, TARGET)], axis=-1)
        return jnp.concatenate([found, wanted], axis=1).reshape(-1, 3)

    def _hits(self, boxes: Any, score: Any, label: Any, target: Any, target_label: Any) -> Any:
        """Whether each box of a picture takes a target."""
        shares, _, _ = overlap(boxes[:, None, :], target[None, :, :])
        fits = (label[:, None] == target_label[None, :]) & (label[:, None] >= 0) & (shares >= self.threshold)
        worth = jnp.where(fits, shares, -1)
        order = jnp.argsort(-score, stable=True)

        def take(free: Any, place: Any) -> tuple[Any, Any]:
            now = jnp.where(free, worth[place], -1)
            best = lax.argmax(now, 0, jnp.int32)
            hit = now[best] >= 0
            return free & ~(hit & (lax.iota(jnp.int32, free.size) == best)), hit

        _, hits = lax.scan(take, jnp.ones(target.shape[0], bool), order)
        return jnp.zeros(score.shape, bool).at[order].set(hits)

    def result(self, sums: "NDArray[Any]") -> float:
        label, score, kind = sums.T
        there = sorted({int(number) for number in label[kind == TARGET] if number >= 0})
        areas = [_area(score, kind, label == number) for number in there]
        return float(np.mean(areas)) if areas else float("nan")

    def cost(self, x: Type, score: Type, label: Type, target: Type, target_label: Type) -> Cost:
        out = self.infer(x, score, label, target, target_label)
        batch, found, wanted = int(x.shape[0]), int(x.shape[1]), int(target.shape[1])  # pyright: ignore[reportArgumentType]
        return Cost(batch * found * (40 * wanted + 10), moved(x, score, label, target, target_label, out))


def _must_be(
    type: Type, name: str, place: int, shape: tuple[Any, ...], boxes: bool = False, integer: bool = False
) -> None:
    wanted = Type((*shape, 4) if boxes else shape, "i32" if integer else "f32")
    fits = type.rank == wanted.rank == (3 if boxes else 2) and type.is_integer == integer
    if not fits or any(same(*pair) is False for pair in zip(type.shape, wanted.shape, strict=True)):
        shown = wanted if wanted.rank == (3 if boxes else 2) else f"[batch, n{', 4' if boxes else ''}]"
        raise Mismatch(f"`{name}` is {type} where {shown} is needed", None, place)


def _area(score: Any, kind: Any, own: Any) -> float:
    """Area under precision over recall of the boxes of one class."""
    found = own & (kind != TARGET)
    order = np.argsort(-score[found], kind="stable")
    hits = np.cumsum(kind[found][order] == HIT)
    if not len(hits):
        return 0.0
    best = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float((np.diff(np.append(0, hits)) * best).sum() / (own & (kind == TARGET)).sum())

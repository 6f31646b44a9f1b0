"""Words and phrases of a translation that the reference has, too."""

from typing import TYPE_CHECKING, Any

from dslc.dims import less, same
from dslc.lazy import jnp, np
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, moved
from dslc.ops.loss.base import must_broadcast
from dslc.ops.metric.base import Metric, metric
from dslc.types import Type

if TYPE_CHECKING:
    from numpy.typing import NDArray


@metric
class Bleu(Metric):
    """Geometric mean of the shares of phrases of 1 to `n` tokens that the target has as well, over the whole split.

    Takes tokens, or logits of which the largest says the token. A phrase counts at most as often as the target has it.
    Where the text is shorter than its target, the mean is multiplied by `exp(1 - target / text)`. Tokens equal to `pad`
    fill up, in text and target, and so does what has a weight of 0; without a match of some length the value is 0.

    Shapes: `i32[batch, seq]` or `[batch, seq, vocab]`, and `[batch, seq]` (and a weight `[batch, seq]`) to `[2 * n + 2]`.
    Reference: Papineni, Roukos, Ward and Zhu, 2002.
    """

    n: int = 4
    pad: int | None = None

    aliases = ("bleu_score", "BLEUScore", "sacrebleu")
    samples = (
        Sample(
            "bleu(2, pad = 0)",
            ("i32[1, 7]", "i32[1, 7]"),
            "[6]",
            given=([[1, 1, 1, 1, 1, 1, 1]], [[1, 2, 3, 4, 1, 5, 0]]),
            gives=[2.0, 0.0, 7.0, 6.0, 7.0, 6.0],
            source="Papineni et al., 2002: 2 of the 7 `the` are in `the cat is on the mat`",
        ),
        Sample("bleu", ("[batch, 9, vocab]", "i32[batch, 9]", "bool[batch, 9]"), "[10]"),
        Refused("bleu(0)", ("i32[batch, 9]", "i32[batch, 9]"), "`n = 0`"),
        Refused("bleu", ("i32[batch, 3]", "i32[batch, 3]"), "3 tokens"),
        Refused("bleu", ("[batch, 9]", "i32[batch, 9]"), "tokens"),
    )

    def infer(self, x: Type, target: Type, weight: Type | None = None) -> Type:
        if self.n < 1:
            raise Mismatch(f"`n = {self.n}` tokens make no phrase", "bleu(n = 4)")
        shape = x.shape if x.is_integer else x.shape[:-1]
        if len(shape) != 2 or not (x.is_integer or x.is_float):
            raise Mismatch(f"needs tokens i32[batch, seq] or logits [batch, seq, vocab], and gets {x}", None, 0)
        if (
            not target.is_integer
            or target.rank != 2
            or any(same(*pair) is False for pair in zip(target.shape, shape, strict=True))
        ):
            raise Mismatch(f"`target` is {target} where {Type(shape, 'i32')} is needed", None, 1)
        if weight is not None:
            must_broadcast(weight, shape, "weight", 2)
        if less(shape[1], self.n):
            raise Mismatch(f"{shape[1]} tokens hold no phrase of {self.n}", f"bleu(n = {shape[1]})", 0)
        return Type((2 * self.n + 2,), wide(x.dtype) if x.is_float else "f32")

    def apply(self, weights: Any, x: Any, target: Any, weight: Any = None, *, ctx: Context) -> Any:
        dtype = widened(x).dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.float32
        guess = x.argmax(-1) if x.ndim == 3 else x
        guess, target = guess.astype(jnp.int32), target.astype(jnp.int32)
        heard, wanted = (self._there(tokens, weight) for tokens in (guess, target))
        own = _equal(guess, guess, heard, heard)
        other = _equal(guess, target, heard, wanted)
        matches, totals = [], []
        own_phrase, other_phrase = own, other
        for length in range(1, self.n + 1):
            if length > 1:
                own_phrase = own_phrase[:, :-1, :-1] & own[:, length - 1 :, length - 1 :]
                other_phrase = other_phrase[:, :-1, :-1] & other[:, length - 1 :, length - 1 :]
            mine, theirs = (jnp.sum(same, axis=2, dtype=jnp.int32).astype(dtype) for same in (own_phrase, other_phrase))
            # Each of m equal phrases counts its share of those that the target has; they add up to a whole number.
            matches.append(jnp.round(jnp.sum(jnp.minimum(mine, theirs) / jnp.maximum(mine, 1))))
            totals.append(jnp.sum(mine > 0, dtype=jnp.int32).astype(dtype))
        sizes = (jnp.sum(there, dtype=jnp.int32).astype(dtype) for there in (heard, wanted))
        return jnp.stack([*matches, *totals, *sizes])

    def _there(self, tokens: Any, weight: Any) -> Any:
        """Which tokens do not fill up."""
        there = jnp.ones(tokens.shape, bool) if self.pad is None else tokens != self.pad
        return there if weight is None else there & jnp.broadcast_to(weight.astype(bool), tokens.shape)

    def result(self, sums: "NDArray[Any]") -> float:
        matches, totals, (text, target) = sums[: self.n], sums[self.n : -2], sums[-2:]
        if not totals.all():
            return float("nan")
        if not matches.all():
            return 0.0
        return float(np.exp(np.log(matches / totals).mean() + min(0.0, 1 - target / text)))

    def cost(self, x: Type, target: Type, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, weight)
        pairs = elements([target]) * int(target.shape[1])  # pyright: ignore[reportArgumentType]
        flops = (4 + 6 * self.n) * pairs + (6 * elements([x]) if x.is_float else 0)
        return Cost(flops, moved(x, target, weight, out))


def _equal(a: Any, b: Any, a_there: Any, b_there: Any) -> Any:
    """Which tokens of one row are those of another.

    Shapes: `[batch, n]` and `[batch, m]` to `[batch, n, m]`.
    """
    return (a[:, :, None] == b[:, None, :]) & a_there[:, :, None] & b_there[:, None, :]

"""Likelihood of labels without their places in time."""

from typing import Any

from dslc.dims import same
from dslc.lazy import jax, jnp, lax
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Refused, Sample, elements, floating, moved
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, must_broadcast, reduced, reduction_flops
from dslc.types import Type

NEVER = -1e30
"""Logarithm of a probability of 0: finite, so that no slope is 0 times infinity."""


@loss
class Ctc(Loss):
    """Negative log-probability of a row of labels, over all ways to spread them in time with blanks between.

    Takes logits for each moment; class `blank` says nothing. A target is filled up with `blank` at its end. `mask` is
    true where there is sound, from the start on. A target that needs more moments than there are has an infinite loss.

    Shapes: `[batch, time, classes]` and `[batch, labels]`, masks `[batch, time]` (and a weight `[batch]`) to `[]`.
    Reference: Graves, Fernandez, Gomez and Schmidhuber, 2006, Connectionist temporal classification.
    """

    blank: int = 0
    reduce: Reduce = "mean"

    takes = "logits"
    aliases = ("CTCLoss", "ctc_loss", "CTC")
    samples = (
        Sample(
            "ctc",
            ("[2, 2, 3]", "i32[2, 1]"),
            "[]",
            given=([[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]], [[1], [0]]),
            gives=1.6479184330021645,
            source="by hand: 3 of the 9 paths say `1`, one says nothing: (log(3) + log(9)) / 2",
        ),
        Sample("ctc(reduce = none)", ("[batch, 7, 5]", "i32[batch, 3]", "bool[batch, 7]"), "[batch]"),
        Sample("ctc", ("[batch, time, 4]", "i32[batch, 2]", "none", "[batch]"), "[]"),
        Refused("ctc", ("[batch, 5]", "i32[batch, 3]"), "[batch, time, classes]"),
        Refused("ctc", ("[batch, 7, 5]", "[batch, 3]"), "class numbers"),
        Refused("ctc(blank = 5)", ("[batch, 7, 5]", "i32[batch, 3]"), "no class"),
    )

    def infer(self, x: Type, target: Type, mask: Type | None = None, weight: Type | None = None) -> Type:
        floating(x)
        if x.rank != 3:
            raise Mismatch(f"needs logits [batch, time, classes], and gets {x}", None, 0)
        classes = x.shape[-1]
        if self.blank < 0 or (isinstance(classes, int) and self.blank >= classes):
            raise Mismatch(f"`blank = {self.blank}` is no class of the {classes} logits", "ctc(blank = 0)", 0)
        if not target.is_integer or target.rank != 2 or same(target.shape[0], x.shape[0]) is False:
            wanted = Type((x.shape[0], "labels"), "i32")  # pyright: ignore[reportArgumentType]  # for the message
            raise Mismatch(f"`target` is {target} where class numbers {wanted} are needed", None, 1)
        if mask is not None and (mask.dtype != "bool" or mask.rank != 2):
            raise Mismatch(f"`mask` is {mask} where {Type(x.shape[:-1], 'bool')} is needed", None, 2)
        if mask is not None:
            must_broadcast(mask, x.shape[:-1], "mask", 2)
        if weight is not None:
            must_broadcast(weight, x.shape[:1], "weight", 3)
        return Type(() if self.reduce in ("mean", "sum") else x.shape[:1], wide(x.dtype))

    def apply(self, weights: Any, x: Any, target: Any, mask: Any = None, weight: Any = None, *, ctx: Context) -> Any:
        heard = jnp.ones(x.shape[:2], bool) if mask is None else jnp.broadcast_to(mask, x.shape[:2])
        (x,) = heeded(weight, x.shape[:1], widened(x))
        # What is no sound need be no number either, and what cannot be said (a logit of minus infinity) stays finite.
        logs = jax.nn.log_softmax(jnp.where(heard[..., None], x, 0), axis=-1)
        logs = jnp.where(logs < NEVER, NEVER, logs)
        labels = self._with_blanks(target.astype(jnp.int32))
        # A number outside of the classes gives NaN when it is looked up, a negative one would count from the end.
        places = jnp.where(labels < 0, x.shape[-1], labels)
        said = jnp.take_along_axis(logs, places[:, None, :], axis=2)
        last = self._forward(said, labels, heard)
        count = jnp.sum((target != self.blank).astype(jnp.int32), axis=1)[:, None]
        ends = jnp.take_along_axis(last, 2 * count, axis=1)[:, 0]
        before = jnp.take_along_axis(last, jnp.maximum(2 * count - 1, 0), axis=1)[:, 0]
        total = jnp.where(count[:, 0] > 0, jnp.logaddexp(ends, before), ends)
        return reduced(jnp.where(total <= NEVER / 2, jnp.inf, -total), weight, self.reduce)

    def _with_blanks(self, target: Any) -> Any:
        """Labels with a blank before, between and after them."""
        blanks = jnp.full_like(target, self.blank)
        pairs = jnp.stack([blanks, target], axis=-1).reshape(target.shape[0], -1)
        return jnp.concatenate([pairs, blanks[:, :1] if target.shape[1] else jnp.full_like(pairs, self.blank)], axis=1)

    def _forward(self, said: Any, labels: Any, heard: Any) -> Any:
        """Log-probability of having said all labels up to each one, at the last moment.

        Shapes: `[batch, time, places]`, `[batch, places]` and `[batch, time]` to `[batch, places]`.
        """
        places = lax.broadcasted_iota(jnp.int32, labels.shape, 1)
        # A blank may be left out between two labels that differ.
        skips = (labels != self.blank) & (labels != jnp.roll(labels, 2, axis=1)) & (places >= 2)
        start = jnp.where(places == 0, 0, NEVER).astype(said.dtype)

        def step(before: Any, moment: Any) -> tuple[Any, None]:
            logs, sounds = moment
            one = jnp.where(places >= 1, jnp.roll(before, 1, axis=1), NEVER)
            two = jnp.where(skips, jnp.roll(before, 2, axis=1), NEVER)
            largest = jnp.maximum(jnp.maximum(before, one), two)
            sums = jnp.exp(before - largest) + jnp.exp(one - largest) + jnp.exp(two - largest)
            return jnp.where(sounds[:, None], largest + jnp.log(sums) + logs, before), None

        # Before the first moment nothing is said: the first label may come without a blank before it.
        last, _ = lax.scan(step, start, (jnp.moveaxis(said, 1, 0), heard.T))
        return last

    def cost(self, x: Type, target: Type, mask: Type | None = None, weight: Type | None = None) -> Cost:
        out = self.infer(x, target, mask, weight)
        batch, time = int(x.shape[0]), int(x.shape[1])  # pyright: ignore[reportArgumentType]
        places = 2 * int(target.shape[1]) + 1  # pyright: ignore[reportArgumentType]
        flops = 5 * elements([x]) + batch * (time * (24 * places) + 20 + reduction_flops(self.reduce, weight))
        return Cost(flops, moved(x, target, mask, weight, out))

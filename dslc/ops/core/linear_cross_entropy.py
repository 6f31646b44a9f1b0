"""The last dense layer and the cross-entropy of its logits, which are never kept."""

from dataclasses import replace
from typing import Any

from dslc.dims import same
from dslc.lazy import jnp, lax
from dslc.ops.base import Context, Cost, Mismatch, Op, elements, floating, moved, op
from dslc.ops.loss.base import widened
from dslc.ops.loss.cross_entropy import CrossEntropy
from dslc.types import Type


@op
class LinearCrossEntropy(Op):
    """Cross-entropy of the logits `x @ kernel + bias`, worked out `rows` rows at a time.

    The gradients are worked out along with the loss and scaled in the backward pass: the logits exist once, a chunk at
    a time. With `transposed` the kernel is a table, one row a class.

    Shapes: `[..., features]`, `[features, classes]` and `[...]` (and a bias, and a weight for each row) to `[]`.
    Reference: Hsu et al., 2024, arXiv:2410.10989.
    """

    loss: CrossEntropy
    rows: int
    transposed: bool = False

    keeps = ()
    saves = ("by_x", "by_kernel", "by_bias", "by_weight")

    def infer(self, x: Type, kernel: Type, target: Type, bias: Type | None = None, weight: Type | None = None) -> Type:
        floating(x, kernel)
        features, classes = reversed(kernel.shape) if self.transposed else kernel.shape
        if not same(x.shape[-1], features):
            raise Mismatch(f"the sizes that meet differ: {x.shape[-1]} and {features}")
        if self.loss.reduce not in ("mean", "sum"):
            raise Mismatch("needs a loss that is reduced to one number")
        if not target.is_integer:
            raise Mismatch(f"needs integer targets, and gets {target}", None, 2)
        if bias is not None and bias.shape != (classes,):
            raise Mismatch(f"the bias is {bias} where [{classes}] is needed", None, 3)
        return self.loss.infer(x.with_last(classes), target, weight)

    def saved(
        self, x: Type, kernel: Type, target: Type, bias: Type | None = None, weight: Type | None = None
    ) -> dict[str, Type]:
        out = self.infer(x, kernel, target, bias, weight)
        by_weight = None if weight is None else Type(target.shape, out.dtype)
        saved = {"by_x": x, "by_kernel": kernel, "by_bias": bias, "by_weight": by_weight}
        return {name: type for name, type in saved.items() if type is not None}

    def apply(
        self, weights: Any, x: Any, kernel: Any, target: Any, bias: Any = None, weight: Any = None, *, ctx: Context
    ) -> Any:
        each, kernel = self._each, kernel.T if self.transposed else kernel

        def chunk(total: Any, part: Any) -> tuple[Any, None]:
            rows, labels, share = part
            losses = each.apply({}, _logits(rows, kernel, bias), labels, None, ctx=ctx)
            return total + jnp.sum(losses * share), None

        share = self._share(target, weight, x)
        total, _ = lax.scan(chunk, jnp.zeros((), share.dtype), self._cut(x, target, share))
        return total

    def apply_saving(
        self, weights: Any, x: Any, kernel: Any, target: Any, bias: Any = None, weight: Any = None, *, ctx: Context
    ) -> Any:
        each, matrix = self._each, kernel.T if self.transposed else kernel
        share = self._share(target, weight, x)

        def chunk(carry: Any, part: Any) -> tuple[Any, Any]:
            total, by_kernel, by_bias = carry
            rows, labels, shares = part
            logits = _logits(rows, matrix, bias)
            losses, kept = each.apply_saving({}, logits, labels, None, ctx=ctx)
            by_logits = each.backward({"x": logits, "target": labels, **kept}, shares, ctx)["x"]
            pair = (by_logits, rows) if self.transposed else (rows, by_logits)
            by_kernel = by_kernel + jnp.matmul(pair[0].T, pair[1], preferred_element_type=by_kernel.dtype)
            if by_bias is not None:
                by_bias = by_bias + jnp.sum(by_logits, axis=0, dtype=by_bias.dtype)
            return (total + jnp.sum(losses * shares), by_kernel, by_bias), (by_logits @ matrix.T, losses)

        # Added up in the dtype of the loss: thousands of 16-bit summands lose most of their digits.
        start = (
            jnp.zeros((), share.dtype),
            jnp.zeros(kernel.shape, share.dtype),
            None if bias is None else jnp.zeros(bias.shape, share.dtype),
        )
        (total, by_kernel, by_bias), (by_rows, losses) = lax.scan(chunk, start, self._cut(x, target, share))
        saved = {
            "by_x": by_rows.reshape(-1, x.shape[-1])[: target.size].reshape(x.shape),
            "by_kernel": by_kernel.astype(kernel.dtype),
        }
        if bias is not None:
            saved["by_bias"] = by_bias.astype(bias.dtype)
        if weight is not None:
            saved["by_weight"] = self._by_weight(
                losses.reshape(-1)[: target.size].reshape(target.shape), total, target, weight
            )
        return total, saved

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return {name.removeprefix("by_"): array * gradient.astype(array.dtype) for name, array in kept.items()}

    def cost(self, x: Type, kernel: Type, target: Type, bias: Type | None = None, weight: Type | None = None) -> Cost:
        logits = x.with_last(kernel.shape[0 if self.transposed else 1])
        product = elements([logits]) * (2 * elements([Type(x.shape[-1:])]) + (bias is not None))
        loss = self.loss.cost(logits, target, weight)
        return Cost(product + loss.flops, loss.bytes - moved(logits) + moved(x, kernel, bias))

    @property
    def _each(self) -> Any:
        """The loss of every row by itself."""
        return replace(self.loss, reduce="none")

    def _counted(self, target: Any, weight: Any, like: Any) -> Any:
        """Weight of each row, 0 for those to ignore."""
        counted = jnp.ones_like(like) if self.loss.ignore is None else (target != self.loss.ignore).astype(like.dtype)
        return counted if weight is None else counted * jnp.broadcast_to(weight, target.shape).astype(like.dtype)

    def _share(self, target: Any, weight: Any, x: Any) -> Any:
        """What the loss of each row is multiplied with before all are added."""
        counted = self._counted(target, weight, widened(jnp.zeros(target.shape, x.dtype)))
        return counted / _total(counted) if self.loss.reduce == "mean" else counted

    def _by_weight(self, losses: Any, total: Any, target: Any, weight: Any) -> Any:
        if self.loss.reduce == "sum":
            return losses
        count = _total(self._counted(target, weight, losses))
        return (losses - total) / count * self._counted(target, None, losses)

    def _cut(self, x: Any, target: Any, share: Any) -> tuple[Any, Any, Any]:
        """Rows, class numbers and shares in equal chunks, the last one filled up with rows that do not count."""
        count = target.size
        chunks = -(-count // self.rows)
        size = -(-count // chunks)
        rows, labels, share = x.reshape(count, -1), target.reshape(-1), share.reshape(-1)
        spare = chunks * size - count
        filled = jnp.pad(rows, ((0, spare), (0, 0))), jnp.pad(labels, (0, spare)), jnp.pad(share, (0, spare))
        rows, labels, share = (array.reshape(chunks, size, *array.shape[1:]) for array in filled)
        return rows, labels, share


def _logits(rows: Any, kernel: Any, bias: Any) -> Any:
    logits = rows @ kernel
    return logits if bias is None else logits + bias[None, :]


def _total(counted: Any) -> Any:
    """What the mean divides by; 1 where no row counts."""
    total = jnp.sum(counted)
    return jnp.where(total == 0, 1, total)

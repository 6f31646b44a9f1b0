"""The last dense layer and the cross-entropy of its logits, which are never kept."""

from dataclasses import replace
from typing import Any

from dslc.dims import same
from dslc.lazy import jax, jnp, lax
from dslc.ops._platform import by_platform
from dslc.ops._remarks import remark
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Op, elements, floating, moved, op
from dslc.ops.loss.base import counting
from dslc.ops.loss.cross_entropy import CrossEntropy
from dslc.types import Type

FEWEST_ON_GPU = 4096
"""Rows of a chunk on a GPU. The gradient of the kernel is read and written once for each: beside the three products of so many rows
that is 5 % of the time on a card with 600 TFLOP/s and 4.3 TB/s, and 145 % at 128 rows, which do well on a CPU."""


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

    precision = "half"
    exact = ("weight",)
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
        return {name: _kept(type) for name, type in saved.items() if type is not None}

    def apply(
        self, weights: Any, x: Any, kernel: Any, target: Any, bias: Any = None, weight: Any = None, *, ctx: Context
    ) -> Any:
        counted = self._counted(target, weight, _like(target, x))

        def chunk(total: Any, part: Any) -> tuple[Any, None]:
            rows, labels, counts = part
            losses = self._each.apply({}, self._logits(rows, kernel, bias), labels, None, ctx=ctx)
            return total + jnp.sum(counting(losses, counts) * counts), None

        total, _ = lax.scan(chunk, jnp.zeros((), counted.dtype), self._cut(x, target, counted))
        return total * self._share(counted)

    def apply_saving(
        self, weights: Any, x: Any, kernel: Any, target: Any, bias: Any = None, weight: Any = None, *, ctx: Context
    ) -> Any:
        counted = self._counted(target, weight, _like(target, x))
        skips = weight is not None or self.loss.ignore is not None or self.loss.class_weights is not None

        def chunk(carry: Any, part: Any) -> tuple[Any, Any]:
            total, sums = carry
            rows, labels, counts = part
            logits = self._logits(rows, kernel, bias)
            losses, kept = self._each.apply_saving({}, logits, labels, None, ctx=ctx)
            by_logits = self._each.backward({"x": logits, "target": labels, **kept}, counts, ctx)["x"]
            if skips:
                # What does not count need be no number, neither its logits nor what they are made of.
                by_logits, rows = (jnp.where(counts[:, None] == 0, 0, part) for part in (by_logits, rows))
            sums = jax.tree.map(jnp.add, sums, self._summands(by_logits, rows, sums))
            by_rows = _product(by_logits, kernel, 1, 0 if self.transposed else 1)
            return (total + jnp.sum(counting(losses, counts) * counts), sums), (by_rows, losses)

        # Added up in the dtype of the loss: thousands of 16-bit summands lose most of their digits.
        sums = {"by_kernel": kernel} if bias is None else {"by_kernel": kernel, "by_bias": bias}
        zeros = jax.tree.map(lambda array: jnp.zeros(array.shape, counted.dtype), sums)
        (total, found), (by_rows, losses) = lax.scan(
            chunk, (jnp.zeros((), counted.dtype), zeros), self._cut(x, target, counted)
        )
        # The share of a row among thousands comes last: most slopes times that are nothing in float16.
        share = self._share(counted)
        total = total * share
        found["by_x"] = by_rows.reshape(-1, x.shape[-1])[: target.size].reshape(x.shape)
        saved = {
            name: (found[name].astype(share.dtype) * share).astype(_kept_as(like))
            for name, like in (*sums.items(), ("by_x", x))
        }
        if weight is not None:
            losses = losses.reshape(-1)[: target.size].reshape(target.shape)
            saved["by_weight"] = self._by_weight(losses, total, target, weight)
        return total, {name: saved[name] for name in self.saves if name in saved}

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
        # What its class weighs is part of a row's share.
        return replace(self.loss, reduce="none", class_weights=None)

    def _logits(self, rows: Any, kernel: Any, bias: Any) -> Any:
        logits = _product(rows, kernel, 1, 1 if self.transposed else 0)
        return logits if bias is None else logits + bias[None, :]

    def _summands(self, by_logits: Any, rows: Any, sums: dict[str, Any]) -> dict[str, Any]:
        """What a chunk adds to the gradients of kernel and bias."""
        pair = (by_logits, rows) if self.transposed else (rows, by_logits)
        found = {"by_kernel": _product(*pair, 0, 0, sums["by_kernel"].dtype)}
        if "by_bias" in sums:
            found["by_bias"] = jnp.sum(by_logits, axis=0, dtype=sums["by_bias"].dtype)
        return found

    def _counted(self, target: Any, weight: Any, like: Any) -> Any:
        """Weight of each row, 0 for those to ignore."""
        counted = self.loss.counted(target, like)
        return counted if weight is None else counted * jnp.broadcast_to(weight, target.shape).astype(like.dtype)

    def _share(self, counted: Any) -> Any:
        """What the sum over the rows is multiplied with."""
        return 1 / _total(counted) if self.loss.reduce == "mean" else jnp.ones((), counted.dtype)

    def _by_weight(self, losses: Any, total: Any, target: Any, weight: Any) -> Any:
        counted = self._counted(target, weight, losses)
        losses = counting(losses, counted)
        if self.loss.reduce == "sum":
            return losses * self._counted(target, None, losses)
        return (losses - total) / _total(counted) * self._counted(target, None, losses)

    def _cut(self, x: Any, target: Any, share: Any) -> tuple[Any, Any, Any]:
        """Rows, class numbers and shares in equal chunks, the last one filled up with rows that do not count."""
        count = target.size
        chunks = -(-count // self._rows_here())
        size = -(-count // chunks)
        rows, labels, share = x.reshape(count, -1), target.reshape(-1), share.reshape(-1)
        spare = chunks * size - count
        filled = jnp.pad(rows, ((0, spare), (0, 0))), jnp.pad(labels, (0, spare)), jnp.pad(share, (0, spare))
        rows, labels, share = (array.reshape(chunks, size, *array.shape[1:]) for array in filled)
        return rows, labels, share

    def _rows_here(self) -> int:
        """Rows of a chunk on the device; a program for several platforms has the chunks that fit all of them."""
        if by_platform(default=lambda: False, gpu=lambda: True) is not True or self.rows >= FEWEST_ON_GPU:
            return self.rows
        remark(f"logits are worked out for up to {FEWEST_ON_GPU:,} rows at a time, instead of {self.rows:,}")
        return FEWEST_ON_GPU


def _product(a: Any, b: Any, axis: int, other: int, dtype: Any = None) -> Any:
    """Product of matrices over an axis of each; a transposed copy of a large kernel would be kept through the loop."""
    return lax.dot_general(a, b, (((axis,), (other,)), ((), ())), preferred_element_type=dtype)


def _like(target: Any, x: Any) -> Any:
    """A number for each row, in the dtype of the losses."""
    return widened(jnp.zeros(target.shape, x.dtype))


def _kept(type: Type) -> Type:
    """The type of a gradient until the scale of the loss is known, which lifts those of float16 out of nothing."""
    return type.with_dtype("f32") if type.dtype == "f16" else type


def _kept_as(like: Any) -> Any:
    """The same of arrays."""
    return jnp.float32 if like.dtype == jnp.float16 else like.dtype


def _total(counted: Any) -> Any:
    """What the mean divides by; 1 where no row counts."""
    total = jnp.sum(counted)
    return jnp.where(total == 0, 1, total)

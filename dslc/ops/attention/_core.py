"""Attention of queries to keys and values, head by head, and its reverse.

Arrays are head-major, `[..., heads, positions, width]`; with fewer heads of keys and values than of queries, each of
those serves as many neighbouring query heads. The queries come scaled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from dslc.lazy import jax, jnp, lax
from dslc.ops._wide import widened
from dslc.ops.noise._hash import drop

LONG = 256
"""From this many queries on, they go in blocks, and the backward pass works the shares out again."""


@dataclass(frozen=True)
class Attend:
    """What attention does besides its arrays. `mask` and `bias` broadcast to `[..., heads, query, key]`, rank included."""

    causal: bool = False
    mask: Any = None
    bias: Any = None
    rate: Any = 0.0
    key: Any = None
    """Random key of the dropout of the shares; None: no dropout."""
    start: int = 0
    """Position of the first query."""

    def forward(self, q: Any, k: Any, v: Any) -> tuple[Any, Any, Any, Any]:
        """The context `[..., heads, query, width]`, the shares before they are divided by their total, total, largest score."""
        scores, visible = self.scores(q, k)
        top = lax.stop_gradient(scores.max(-1, keepdims=True))
        shares = self.visible_alone(jnp.exp(scores - top), visible)
        total = shares.sum(-1, keepdims=True)
        total = total if self.mask is None else jnp.where(total > 0, total, 1)
        # Divided after the product: there are fewer contexts than shares.
        context = _product(self._dropped(shares).astype(v.dtype), v) / total.astype(v.dtype)
        return context, shares.astype(v.dtype), total, top

    def backward(
        self, gradient: Any, q: Any, k: Any, v: Any, context: Any, shares: Any, total: Any = None
    ) -> tuple[Any, Any, Any, Any]:
        """Gradients of the scaled queries, keys, values and scores, from that of the context; total None: it is 1."""
        if total is not None:
            gradient = gradient / total.astype(gradient.dtype)
        lost = (gradient * context).sum(-1, keepdims=True)
        by_shares = self._dropped(_product(gradient, _turned(v)))
        by_scores = (shares * (by_shares - lost)).astype(q.dtype)
        groups = k.shape[-3]
        by_v = _turned(_grouped(self._dropped(shares), groups)) @ _grouped(gradient, groups)
        by_k = _turned(_grouped(by_scores, groups)) @ _grouped(q, groups)
        return _product(by_scores, k), by_k, by_v, by_scores

    def forward_in_blocks(self, q: Any, k: Any, v: Any) -> tuple[Any, Any]:
        """The context, and the logarithm of the sum of the exponentials of the scores."""
        contexts: list[Any] = []
        sums: list[Any] = []
        for block, rows, keys in self._blocks(q.shape[-2], k.shape[-2]):
            context, _, total, top = block.forward(q[..., rows, :], k[..., keys, :], v[..., keys, :])
            contexts.append(context)
            sums.append(top + jnp.log(total))
        return jnp.concatenate(contexts, -2), jnp.concatenate(sums, -2)

    def backward_in_blocks(
        self, gradient: Any, q: Any, k: Any, v: Any, context: Any, logsumexp: Any
    ) -> tuple[Any, Any, Any, Any]:
        """As `backward`, with the shares worked out again; the gradient of the scores is None unless there is a bias."""
        by_q, by_scores = [], []
        by_k, by_v = jnp.zeros_like(k), jnp.zeros_like(v)
        for block, rows, keys in self._blocks(q.shape[-2], k.shape[-2]):
            q_rows, k_seen, v_seen = q[..., rows, :], k[..., keys, :], v[..., keys, :]
            scores, visible = block.scores(q_rows, k_seen)
            shares = block.visible_alone(jnp.exp(scores - logsumexp[..., rows, :]), visible).astype(v.dtype)
            found = block.backward(gradient[..., rows, :], q_rows, k_seen, v_seen, context[..., rows, :], shares)
            by_q.append(found[0])
            by_k, by_v = by_k + _filled(found[1], k.shape, -2), by_v + _filled(found[2], v.shape, -2)
            if self.bias is not None:
                by_scores.append(_filled(found[3], (*shares.shape[:-1], k.shape[-2]), -1))
        return jnp.concatenate(by_q, -2), by_k, by_v, jnp.concatenate(by_scores, -2) if by_scores else None

    def _blocks(self, query: int, key: int) -> Iterator[tuple["Attend", slice, slice]]:
        """Up to 8 blocks of queries, each with the keys that it may see: XLA computes what a mask hides."""
        size = max(LONG // 4, -(-query // 8))
        for number, start in enumerate(range(0, query, size)):
            rows = slice(start, min(start + size, query))
            keys = slice(0, min(rows.stop, key) if self.causal else key)
            mask, bias = (
                None if part is None else _cut(_cut(part, -2, rows), -1, keys) for part in (self.mask, self.bias)
            )
            fresh = None if self.key is None else jax.random.fold_in(self.key, number)
            yield replace(self, mask=mask, bias=bias, key=fresh, start=start), rows, keys

    def scores(self, q: Any, k: Any) -> tuple[Any, Any]:
        """Scores, the hidden ones far below all others, and which are visible (None: all)."""
        scores = widened(_product(q, _turned(k)))
        if self.bias is not None:
            scores = scores + self.bias.astype(scores.dtype)
        visible = self.mask
        if self.causal:
            shape = (1,) * (scores.ndim - 2) + scores.shape[-2:]
            row, column = (lax.broadcasted_iota(jnp.int32, shape, scores.ndim - axis) for axis in (2, 1))
            before = row + self.start >= column
            visible = before if visible is None else before & visible
        hidden = jnp.finfo(scores.dtype).min
        return scores if visible is None else jnp.where(visible, scores, hidden), visible

    def visible_alone(self, shares: Any, visible: Any) -> Any:
        """Zeros for what is hidden: the exponentials are that already, save in rows in which a mask hides everything."""
        return shares if self.mask is None else jnp.where(visible, shares, 0)

    def _dropped(self, shares: Any) -> Any:
        return shares if self.key is None else drop(self.key, shares, self.rate)


def split_heads(x: Any, heads: int) -> Any:
    """`[..., positions, heads * width]` as `[..., heads, positions, width]`."""
    return x.reshape(*x.shape[:-1], heads, -1).swapaxes(-3, -2)


def merge_heads(x: Any) -> Any:
    """The reverse of `split_heads`."""
    x = x.swapaxes(-3, -2)
    return x.reshape(*x.shape[:-2], -1)


def _grouped(x: Any, groups: int) -> Any:
    """Neighbouring query heads one after the other along the positions, so that one product serves them all."""
    return x if x.shape[-3] == groups else x.reshape(*x.shape[:-3], groups, -1, x.shape[-1])


def _product(x: Any, y: Any) -> Any:
    """Matrix products of `x`, with as many heads as queries have, and `y`, with as many as keys have."""
    product = _grouped(x, y.shape[-3]) @ y
    return product.reshape(*x.shape[:-1], y.shape[-1])


def _turned(x: Any) -> Any:
    return x.swapaxes(-2, -1)


def _cut(x: Any, axis: int, part: slice) -> Any:
    """A part of an axis, unless it broadcasts."""
    return x if x.shape[axis] == 1 else lax.slice_in_dim(x, part.start, part.stop, axis=axis)


def _filled(x: Any, shape: tuple[int, ...], axis: int) -> Any:
    """The array with zeros behind, up to the length of a shape along an axis."""
    after = [(0, 0)] * x.ndim
    after[axis] = (0, shape[axis] - x.shape[axis])
    return jnp.pad(x, after)

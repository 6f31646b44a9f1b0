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
    window: int | None = None
    """Only keys at a distance below this one are visible."""
    mask: Any = None
    bias: Any = None
    rate: Any = 0.0
    key: Any = None
    """Random key of the dropout of the shares; None: no dropout."""
    start: Any = 0
    """Position of the first query, counted from the first key: an int, or a scalar array."""
    blocks: int = 8
    """In how many blocks the queries go at most, where they do; a window may make more."""

    def forward(self, q: Any, k: Any, v: Any) -> tuple[Any, Any, Any, Any]:
        """The context `[..., heads, query, width]`, the shares before they are divided by their total, total, largest score."""
        scores, visible = self.scores(q, k)
        top = lax.stop_gradient(scores.max(-1, keepdims=True))
        shares = self.visible_alone(jnp.exp(scores - top), visible)
        total = shares.sum(-1, keepdims=True)
        total = jnp.where(total > 0, total, 1) if self._may_hide_all else total
        # Divided after the product: there are fewer contexts than shares.
        context = _product(self._dropped(shares).astype(v.dtype), v, total.dtype) / total
        return context.astype(v.dtype), shares.astype(v.dtype), total, top

    def backward(
        self, gradient: Any, q: Any, k: Any, v: Any, context: Any, shares: Any, total: Any = None
    ) -> tuple[Any, Any, Any, Any]:
        """Gradients of the scaled queries, keys, values and scores, from that of the context; total None: it is 1."""
        if total is not None:
            gradient = (widened(gradient) / total).astype(gradient.dtype)
        by_q, by_k, by_v, by_scores = self.gradients(gradient, q, k, v, context, shares)
        return by_q, by_k.astype(k.dtype), by_v.astype(v.dtype), by_scores

    def gradients(self, gradient: Any, q: Any, k: Any, v: Any, context: Any, shares: Any) -> tuple[Any, Any, Any, Any]:
        """As `backward`; those of keys, values and scores are at least 32 bits wide, to be added up."""
        wide = widened(shares).dtype
        lost = (widened(gradient) * widened(context)).sum(-1, keepdims=True)
        by_shares = self._dropped(_product(gradient, _turned(v), wide))
        by_scores = widened(shares) * (by_shares - lost)
        rounded, groups = by_scores.astype(q.dtype), k.shape[-3]
        dropped = self._dropped(shares).astype(gradient.dtype)
        by_v = _matmul(_turned(_grouped(dropped, groups)), _grouped(gradient, groups), wide)
        by_k = _matmul(_turned(_grouped(rounded, groups)), _grouped(q, groups), wide)
        return _product(rounded, k), by_k, by_v, by_scores

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
        by_k, by_v = jnp.zeros_like(widened(k)), jnp.zeros_like(widened(v))
        for block, rows, keys in self._blocks(q.shape[-2], k.shape[-2]):
            q_rows, k_seen, v_seen = q[..., rows, :], k[..., keys, :], v[..., keys, :]
            scores, visible = block.scores(q_rows, k_seen)
            shares = block.visible_alone(jnp.exp(scores - logsumexp[..., rows, :]), visible)
            found = block.gradients(gradient[..., rows, :], q_rows, k_seen, v_seen, context[..., rows, :], shares)
            by_q.append(found[0])
            by_k, by_v = (
                whole + _filled(part, keys, k.shape[-2], -2) for whole, part in ((by_k, found[1]), (by_v, found[2]))
            )
            if self.bias is not None:
                by_scores.append(_filled(found[3], keys, k.shape[-2], -1))
        by_k, by_v = by_k.astype(k.dtype), by_v.astype(v.dtype)
        return jnp.concatenate(by_q, -2), by_k, by_v, jnp.concatenate(by_scores, -2) if by_scores else None

    def _blocks(self, query: int, key: int) -> Iterator[tuple["Attend", slice, slice]]:
        """Blocks of queries, each with the keys that it may see: XLA computes what a mask hides."""
        size = max(LONG // 4, -(-query // self._most_blocks(query)))
        for number, start in enumerate(range(0, query, size)):
            rows = slice(start, min(start + size, query))
            keys = self._seen(rows, key)
            mask, bias = (
                None if part is None else _cut(_cut(part, -2, rows), -1, keys) for part in (self.mask, self.bias)
            )
            # A single block draws as the whole does.
            fresh = self.key if self.key is None or size >= query else jax.random.fold_in(self.key, number)
            yield replace(self, mask=mask, bias=bias, key=fresh, start=start - keys.start), rows, keys

    def _most_blocks(self, query: int) -> int:
        """More than were chosen where blocks of the size of a window skip more: each is a piece of the program of its own."""
        blocks = max(1, self.blocks)
        return blocks if self.window is None else min(16, max(blocks, query // self.window))

    def _seen(self, rows: slice, key: int) -> slice:
        """The keys that some of the rows may see; the nearest one where there are none."""
        first, last = 0, rows.stop if self.causal else key
        if self.window is not None:
            first, last = rows.start - self.window + 1, min(last, rows.stop + self.window - 1)
        first = min(max(first, 0), key - 1)
        return slice(first, max(min(last, key), first + 1))

    @property
    def _may_hide_all(self) -> bool:
        """Whether there may be queries that see no key."""
        return self.mask is not None or self.window is not None

    def scores(self, q: Any, k: Any) -> tuple[Any, Any]:
        """Scores, the hidden ones far below all others, and which are visible (None: all)."""
        # Summed in 32 bits and left so: a score of 8, rounded to bf16, is off by up to 0.03, its exponential by 3 %.
        scores = _product(q, _turned(k), widened(q).dtype)
        if self.bias is not None:
            scores = scores + self.bias.astype(scores.dtype)
        visible = self.visible(scores.ndim, *scores.shape[-2:])
        hidden = jnp.finfo(scores.dtype).min
        return scores if visible is None else jnp.where(visible, scores, hidden), visible

    def visible(self, rank: int, query: int, key: int) -> Any:
        """Which keys are visible to which query, `[..., heads, query, key]` with sizes of 1; None: all."""
        if not self.causal and self.window is None:
            return self.mask
        near = self._near(rank, query, key)
        return near if self.mask is None else near & self.mask

    def _near(self, rank: int, query: int, key: int) -> Any:
        """Which keys are visible by their distance."""
        shape = (*(1,) * (rank - 2), query, key)
        row, column = (lax.broadcasted_iota(jnp.int32, shape, rank - axis) for axis in (2, 1))
        ahead = row + self.start - column
        if self.window is None:
            return ahead >= 0
        return (ahead < self.window) & (ahead >= 0 if self.causal else ahead > -self.window)

    def visible_alone(self, shares: Any, visible: Any) -> Any:
        """Zeros for what is hidden: the exponentials are that already, save in rows in which everything is."""
        return jnp.where(visible, shares, 0) if self._may_hide_all else shares

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


def _product(x: Any, y: Any, dtype: Any = None) -> Any:
    """Matrix products of `x`, with as many heads as queries have, and `y`, with as many as keys have."""
    product = _matmul(_grouped(x, y.shape[-3]), y, dtype)
    return product.reshape(*x.shape[:-1], y.shape[-1])


def _matmul(x: Any, y: Any, dtype: Any) -> Any:
    return jnp.matmul(x, y, preferred_element_type=dtype)


def _turned(x: Any) -> Any:
    return x.swapaxes(-2, -1)


def _cut(x: Any, axis: int, part: slice) -> Any:
    """A part of an axis, unless it broadcasts."""
    return x if x.shape[axis] == 1 else lax.slice_in_dim(x, part.start, part.stop, axis=axis)


def _filled(x: Any, part: slice, length: int, axis: int) -> Any:
    """The array as the part of an axis of some length, with zeros around."""
    around = [(0, 0)] * x.ndim
    around[axis] = (part.start, length - part.stop)
    return jnp.pad(x, around)

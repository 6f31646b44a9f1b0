"""Attention of queries to keys and values, head by head, and its reverse.

Arrays are head-major, `[..., heads, positions, width]`; with fewer heads of keys and values than of queries, each of
those serves as many neighbouring query heads. The queries come scaled.
"""

from dataclasses import dataclass
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._wide import widened
from dslc.ops.noise._hash import drop, is_off


@dataclass(frozen=True)
class Attend:
    """What attention does besides its arrays. `mask` and `bias` broadcast to `[..., heads, query, key]`, rank included."""

    causal: bool = False
    mask: Any = None
    bias: Any = None
    rate: Any = 0.0
    key: Any = None
    """Random key of the dropout of the shares; None: no dropout."""

    def forward(self, q: Any, k: Any, v: Any) -> tuple[Any, Any, Any]:
        """The context `[..., heads, query, width]`, the shares before they are divided by their total, and the total."""
        scores = widened(_product(q, _turned(k)))
        if self.bias is not None:
            scores = scores + self.bias.astype(scores.dtype)
        visible = self._visible(scores.shape)
        if visible is not None:
            scores = jnp.where(visible, scores, jnp.finfo(scores.dtype).min)
        shares = jnp.exp(scores - lax.stop_gradient(scores.max(-1, keepdims=True)))
        if self.mask is not None:
            # A row in which nothing is visible gives zeros.
            shares = jnp.where(visible, shares, 0)
        total = shares.sum(-1, keepdims=True)
        total = total if self.mask is None else jnp.where(total > 0, total, 1)
        # Divided after the product: there are fewer contexts than shares.
        context = _product(self._dropped(shares).astype(v.dtype), v) / total.astype(v.dtype)
        return context, shares.astype(v.dtype), total

    def backward(
        self, gradient: Any, q: Any, k: Any, v: Any, context: Any, shares: Any, total: Any
    ) -> tuple[Any, Any, Any, Any]:
        """Gradients of the scaled queries, keys, values and scores, from that of the context."""
        gradient = gradient / total.astype(gradient.dtype)
        lost = (gradient * context).sum(-1, keepdims=True)
        by_shares = self._dropped(_product(gradient, _turned(v)))
        by_scores = (shares * (by_shares - lost)).astype(q.dtype)
        groups = k.shape[-3]
        by_v = _turned(_grouped(self._dropped(shares), groups)) @ _grouped(gradient, groups)
        by_k = _turned(_grouped(by_scores, groups)) @ _grouped(q, groups)
        return _product(by_scores, k), by_k, by_v, by_scores

    def _visible(self, shape: tuple[int, ...]) -> Any:
        """Which scores count, or None where all do."""
        if not self.causal:
            return self.mask
        row, column = (
            lax.broadcasted_iota(jnp.int32, (1,) * (len(shape) - 2) + shape[-2:], len(shape) - i) for i in (2, 1)
        )
        return row >= column if self.mask is None else (row >= column) & self.mask

    def _dropped(self, shares: Any) -> Any:
        return shares if self.key is None or is_off(self.rate) else drop(self.key, shares, self.rate)


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

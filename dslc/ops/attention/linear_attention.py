"""Attention whose cost grows with the length alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.dims import NotDivisible, Size, exact_div, less
from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jax, jnp, lax
from dslc.ops._time import UNKNOWN, Across, Axis, InTime, Memory, Passage, Stretch
from dslc.ops._wide import wide, widened
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.ops.recurrent.base import check_mask
from dslc.types import Type

BLOCK = 64
"""Positions that a causal step looks at together: scores among them, sums of all that came before."""


@op
class LinearAttention(Op):
    """Attention of a sequence to itself with scores `f(q) @ f(k)`, `f(x) = elu(x) + 1`, in place of a softmax.

    Sums over the keys are worked out once, for all queries: time and memory grow with the length, and not with its
    square. The mask is true where a position is visible. Weights are named as those of `attention`.

    Shapes: `[..., seq, d]` and mask `bool[batch, seq]` to `[..., seq, d]`.
    Reference: Katharopoulos, Vyas, Pappas and Fleuret, 2020, arXiv:2006.16236.
    """

    heads: int
    head_dim: Size | None = None
    causal: bool = False
    bias: bool = True
    init: Initializer | None = None

    precision = "half"
    samples = (
        Sample("linear_attention(2)", ("[batch, seq, 6]",), "[batch, seq, 6]", parameters=168),
        Sample(
            "linear_attention(2, head_dim = 4, causal = true, bias = false)",
            ("[batch, 5, 6]", "bool[batch, 5]"),
            "[batch, 5, 6]",
            parameters=192,
        ),
        Sample(
            "linear_attention(1, causal = true, bias = false)",
            ("[1, 2, 1]",),
            "[1, 2, 1]",
            parameters=4,
            given=([[[0.0], [1.0]]],),
            weights={"qkv.kernel": [[1.0, 1.0, 3.0]], "out.kernel": [[2.0]]},
            gives=[[[0.0], [4.0]]],
            source="by hand: f is 1 and 2, so the second row is 2 * (2 * 1 * 0 + 2 * 2 * 3) / (2 + 4)",
        ),
        Refused("linear_attention(4)", ("[batch, seq, 6]",), "does not divide by 4 heads"),
        Refused("linear_attention(0)", ("[batch, seq, 6]",), "at least 1"),
        Refused("linear_attention(2)", ("[2, batch, 5, 6]", "bool[2, batch]"), "a mask is for"),
        Refused("linear_attention(2)", ("[6]",), "positions and features"),
    )

    def infer(self, x: Type, mask: Type | None = None) -> Type:
        floating(x)
        if self.heads < 1 or (self.head_dim is not None and less(self.head_dim, 1)):
            raise Mismatch(f"`heads` and `head_dim` must be at least 1, and are {self.heads} and {self.head_dim}")
        if x.rank < 2:
            raise Mismatch(f"needs positions and features along the last two axes, and gets {x}", None, 0)
        self._width(x.shape[-1])
        if mask is not None:
            if x.rank != 3:
                raise Mismatch(f"a mask is for [batch, seq, d], and this is {x}", None, 0)
            check_mask(mask, x)
        return x

    def weights(self, x: Type, mask: Type | None = None) -> Mapping[str, Weight]:
        d: Size = x.shape[-1]
        inner = self.heads * self._width(d)
        weights: dict[str, Weight] = {}
        for role, (fan_in, units, fan_out) in {"qkv": (d, 3 * inner, inner), "out": (inner, d, d)}.items():
            weights[f"{role}.kernel"] = Weight((fan_in, units), self.init, fan_in, fan_out)
            if self.bias:
                weights[f"{role}.bias"] = Weight((units,), Zeros(), fan_in, fan_out)
        return weights

    def apply(self, weights: Any, x: Any, mask: Any = None, *, ctx: Context) -> Any:
        q, k, v = self._features(weights, x, mask)
        out = _causal(q, k, v)[0] if self.causal else q @ (k.swapaxes(-1, -2) @ v)
        return self._out(weights, out, x)

    def _features(self, weights: Any, x: Any, mask: Any) -> tuple[Any, Any, Any]:
        """Queries and keys above zero, and values with a column of ones: the norm is one value more."""
        joined = _mapped(weights, "qkv", x)
        q, k, v = (y.reshape(*y.shape[:-1], self.heads, -1) for y in jnp.split(joined, 3, -1))
        q, k, v = (widened(y).swapaxes(-3, -2) for y in (q, k, v))
        # In 32 bits: of a score near 0 the sum of an elu near -1 and of 1 would leave few digits in 16.
        q, k = jax.nn.elu(q) + 1, jax.nn.elu(k) + 1
        if mask is not None:
            k = jnp.where(mask[:, None, :, None], k, 0)
        return q, k, jnp.concatenate([v, jnp.ones((*v.shape[:-1], 1), v.dtype)], -1)

    def _out(self, weights: Any, out: Any, x: Any) -> Any:
        seen = out[..., -1:]
        # A position that sees none gets zeros.
        out = jnp.where(seen > 0, out[..., :-1] / jnp.where(seen > 0, seen, 1), 0)
        return _mapped(weights, "out", out.swapaxes(-3, -2).reshape(*x.shape[:-1], -1).astype(x.dtype))

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        x, mask = (*types, None)[:2]
        assert x is not None
        if not self.causal:
            return Across("lets a position see those behind it, as it is not `causal`")
        if time[0] != x.rank - 2 or any(axis not in (None, 1) for axis in time[1:]):
            return UNKNOWN
        width = self._width(x.shape[-1])
        sums = Type((*x.shape[:-2], self.heads, width, width + 1), wide(x.dtype))
        cut = 1 if mask is not None and time[1] is None and mask.shape[1] != 1 else None
        return Passage((x.rank - 2,), (None, cut), {"sums": Memory(sums)})

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        x, mask = (*inputs, None)[:2]
        q, k, v = self._features(weights, x, mask)
        out, sums = _causal(q, k, v, None if memory is None else memory["sums"].astype(q.dtype))
        return self._out(weights, out, x), {"sums": sums}

    def cost(self, x: Type, mask: Type | None = None) -> Cost:
        weights, rows = self.weights(x), elements([Type(x.shape[:-1])])
        maps = sum(
            2 * elements([Type(w.shape)]) if len(w.shape) > 1 else elements([Type(w.shape)]) for w in weights.values()
        )
        inner = elements([Type((self.heads, self._width(x.shape[-1])))])
        width = inner // self.heads
        seq: Any = x.shape[-2]
        # Queries times sums, and keys times values, both of `width` by `width + 1`; within a block, scores and their use.
        within = 2 * min(seq, BLOCK) * (2 * width + 1) * self.heads if self.causal else 0
        products = 4 * inner * (width + 1) if not self.causal or seq > BLOCK else 0
        return Cost(rows * (maps + products + within + 7 * inner), moved(x, mask, x, *weights.values()))

    def _width(self, d: Size) -> Size:
        if self.head_dim is not None:
            return self.head_dim
        try:
            return exact_div(d, self.heads)
        except NotDivisible:
            reason = f"the last axis has size {d}, which does not divide by {self.heads} heads"
            raise Mismatch(reason, "change `heads`, or say `head_dim`", 0) from None


def _mapped(weights: Any, role: str, x: Any) -> Any:
    y, bias = x @ weights[f"{role}.kernel"], weights.get(f"{role}.bias")
    return y if bias is None else y + jnp.expand_dims(bias, tuple(range(y.ndim - 1)))


def _causal(q: Any, k: Any, v: Any, sums: Any = None) -> tuple[Any, Any]:
    """Each query with the keys up to its own, block by block, after keys whose sums are given; and the sums then."""
    seq = q.shape[-2]
    if seq <= BLOCK:
        out = jnp.tril(q @ k.swapaxes(-1, -2)) @ v
        now = k.swapaxes(-1, -2) @ v
        return (out, now) if sums is None else (out + q @ sums, now + sums)
    lack = -seq % BLOCK
    blocks = tuple(_in_blocks(jnp.pad(y, [(0, 0)] * (y.ndim - 2) + [(0, lack), (0, 0)])) for y in (q, k, v))

    def step(before: Any, block: Any) -> Any:
        q, k, v = block
        out = q @ before + jnp.tril(q @ k.swapaxes(-1, -2)) @ v
        return before + k.swapaxes(-1, -2) @ v, out

    nothing = jnp.zeros((*q.shape[:-2], q.shape[-1], v.shape[-1]), q.dtype)
    now, found = lax.scan(step, nothing if sums is None else sums, blocks)
    joined = jnp.moveaxis(found, 0, -3)
    return joined.reshape(*q.shape[:-2], seq + lack, v.shape[-1])[..., :seq, :], now


def _in_blocks(x: Any) -> Any:
    """`[..., seq, d]` as `[blocks, ..., BLOCK, d]`."""
    return jnp.moveaxis(x.reshape(*x.shape[:-2], -1, BLOCK, x.shape[-1]), -3, 0)

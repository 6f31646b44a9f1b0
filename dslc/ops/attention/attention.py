"""Multi-head attention."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from dslc.dims import NotDivisible, Size, exact_div, less, same
from dslc.initializers.base import Initializer
from dslc.initializers.zeros import Zeros
from dslc.lazy import jnp
from dslc.ops._choice import types_of
from dslc.ops._time import UNKNOWN, Across, Axis, InTime, Stretch
from dslc.ops._wide import wide
from dslc.ops.attention import _long
from dslc.ops.attention._core import Attend, merge_heads, split_heads
from dslc.ops.attention._mask import check, check_window, spread_out
from dslc.ops.attention._rotary import rotated
from dslc.ops.attention._step import Run, of_itself, to_memory
from dslc.ops.attention._ways import blocks_of, lowerings
from dslc.ops.base import Context, Cost, Lowering, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.ops.noise._hash import dropping_key
from dslc.types import Type


@op
class Attention(Op):
    """Each position gathers from all (or, causal, from itself and those before) by the likeness of query and key.

    Without a memory the layer attends to its own input. The kernel `qkv` holds all query heads, then all key heads, then
    all value heads; with a memory there are `q` and `kv`. `rope` is the base of a rotary position embedding (usually
    10,000) in the convention of two halves. `kv_heads` below `heads` share keys and values among neighbouring query
    heads. `mask` is true where a key is visible, `position_bias` is added to the scaled scores, `dropout` drops weights
    of the sum. With a `window` the keys at a distance below it are visible: so many with the query itself when causal.

    Shapes: `[..., query, d]`, memory `[..., key, m]`, mask `bool[..., query, key]` or `bool[..., key]`, position bias
    `[..., heads, query, key]` to `[..., query, d]`.
    Reference: Vaswani et al., 2017, arXiv:1706.03762; `kv_heads` by Ainslie et al., 2023, arXiv:2305.13245; `window` by
    Beltagy et al., 2020, arXiv:2004.05150.
    """

    heads: int
    head_dim: Size | None = None
    kv_heads: int | None = None
    causal: bool = False
    rope: float | None = None
    bias: bool = True
    dropout: float = 0.0
    scale: float | None = None
    init: Initializer | None = None
    window: int | None = None

    random = True
    keeps = ("x", "memory", "qkv.kernel", "q.kernel", "kv.kernel", "out.kernel", "mask", "position_bias")
    saves = ("query", "key", "value", "context", "shares", "total", "logsumexp")
    aliases = ("MultiHeadAttention", "MultiheadAttention", "SelfAttention", "mha")
    precision = "half"
    samples = (
        Sample("attention(4, causal = true)", ("[batch, seq, 8]",), "[batch, seq, 8]", parameters=288),
        Sample("attention(2)", ("[batch, t, 6]", "[batch, s, 5]", "bool[batch, s]"), "[batch, t, 6]", parameters=156),
        Sample(
            "attention(4, head_dim = 2, kv_heads = 2, rope = 10_000, bias = false, dropout = 0.1)",
            ("[batch, 9, 5, 6]", "none", "bool[9, 5, 5]", "[4, 5, 5]"),
            "[batch, 9, 5, 6]",
            parameters=144,
        ),
        Sample(
            "attention(1, bias = false, scale = 1)",
            ("[batch, 2, 1]",),
            "[batch, 2, 1]",
            given=([[[0.0], [1.0]]],),
            weights={"qkv.kernel": [[1.0, 1.0, 3.0]], "out.kernel": [[2.0]]},
            gives=[[[3.0], [4.38635147178003]]],
            source="by hand: the second row is 6 / (1 + exp(-1))",
        ),
        Sample(
            "attention(1, bias = false, causal = true, window = 2, scale = 0)",
            ("[4, 1]",),
            "[4, 1]",
            given=([[1.0], [3.0], [7.0], [5.0]],),
            weights={"qkv.kernel": [[1.0, 1.0, 1.0]], "out.kernel": [[1.0]]},
            gives=[[1.0], [2.0], [5.0], [6.0]],
            source="by hand: at a scale of 0 the mean of what is visible, itself and the one before",
        ),
        Refused("attention(3)", ("[batch, seq, 8]",), "does not divide by 3 heads"),
        Refused("attention(4, kv_heads = 3)", ("[batch, seq, 8]",), "do not divide by 3 `kv_heads`"),
        Refused("attention(2)", ("[batch, seq, 8]", "none", "bool[seq, seq]"), "could stand for other axes"),
        Refused("attention(2, rope = 10_000)", ("[batch, seq, 6]",), "even"),
        Refused("attention(2, window = 0)", ("[batch, seq, 6]",), "at least 1"),
    )

    def infer(
        self, x: Type, memory: Type | None = None, mask: Type | None = None, position_bias: Type | None = None
    ) -> Type:
        floating(x, memory)
        self._check_settings(x)
        if x.rank < 2:
            raise Mismatch(f"needs positions and features along the last two axes, and gets {x}", None, 0)
        leading, query, key = x.shape[:-2], x.shape[-2], (memory or x).shape[-2]
        if memory is not None and (
            memory.rank != x.rank or any(same(*pair) is False for pair in zip(memory.shape[:-2], leading, strict=True))
        ):
            raise Mismatch(
                f"`memory` is {memory}, with other leading axes than {x}", "give both the same leading axes", 1
            )
        check(mask, position_bias, leading, (self.heads, query, key), 2)
        return x

    def weights(
        self, x: Type, memory: Type | None = None, mask: Type | None = None, position_bias: Type | None = None
    ) -> dict[str, Weight]:
        d, width = x.shape[-1], self._width(x)
        inner, shared = self.heads * width, self._groups * width
        if memory is None:
            maps = {"qkv": (d, inner + 2 * shared, inner)}
        else:
            maps = {"q": (d, inner, inner), "kv": (memory.shape[-1], 2 * shared, shared)}
        weights: dict[str, Weight] = {}
        # Queries, keys and values are maps of their own: how one starts does not depend on what is stored beside it.
        for role, (fan_in, units, fan_out) in (*maps.items(), ("out", (inner, d, d))):
            weights[f"{role}.kernel"] = Weight((fan_in, units), self.init, fan_in, fan_out)
            if self.bias:
                weights[f"{role}.bias"] = Weight((units,), Zeros(), fan_in, fan_out)
        return weights

    def saved(
        self, x: Type, memory: Type | None = None, mask: Type | None = None, position_bias: Type | None = None
    ) -> dict[str, Type]:
        (*leading, query, _), key, width = x.shape, (memory or x).shape[-2], self._width(x)
        head, group = (*leading, self.heads), (*leading, self._groups)
        shapes = {
            "query": (*head, query, width),
            "key": (*group, key, width),
            "value": (*group, key, width),
            "context": (*head, query, width),
        }
        kept = {name: Type(shape, x.dtype) for name, shape in shapes.items()}
        sums = Type((*head, query, 1), wide(x.dtype))
        if blocks_of(self, query, None, x, memory, mask, position_bias):
            return kept | {"logsumexp": sums}
        return kept | {"shares": Type((*head, query, key), x.dtype), "total": sums}

    def apply(
        self, weights: Any, x: Any, memory: Any = None, mask: Any = None, position_bias: Any = None, *, ctx: Context
    ) -> Any:
        return self.apply_saving(weights, x, memory, mask, position_bias, ctx=ctx)[0]

    def apply_saving(
        self, weights: Any, x: Any, memory: Any = None, mask: Any = None, position_bias: Any = None, *, ctx: Context
    ) -> tuple[Any, dict[str, Any]]:
        q, k, v = self._projected(weights, x, memory)
        attend = self._attend(ctx, q, k, mask, position_bias)
        blocks = blocks_of(self, q.shape[-2], ctx.kept, *types_of(x, memory, mask, position_bias))
        if blocks:
            context, logsumexp = _long.forward(replace(attend, blocks=blocks), q, k, v)
            saved = {"logsumexp": logsumexp}
        else:
            context, shares, total, _ = attend.forward(q, k, v)
            saved = {"shares": shares, "total": total}
        out = self._mapped(weights, "out", merge_heads(context))
        return out, {"query": q, "key": k, "value": v, "context": context} | saved

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        x, memory, *places = types
        assert x is not None
        if time[1] is not None or time[0] not in (None, x.rank - 2):
            return UNKNOWN
        given = places[0], places[1]
        if memory is not None:
            if self.rope is not None:
                return Across("turns by their places the queries to another sequence", ahead=False)
            return to_memory(self.causal, self.heads, x, memory, given, time[2:], (None, None))
        kept = {name: self.saved(x)[name] for name in ("key", "value")}
        return of_itself(self.causal, self.heads, x, kept, given, time[2:], (None, None))

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        x, _, mask, bias = inputs
        q, k, v = self._projected(weights, x, None, here.first)
        if bias is not None:
            bias = jnp.expand_dims(bias, tuple(range(q.ndim - bias.ndim)))
        context, now = Run(self.window, here.first, mask, bias)(q, k, v, memory)
        return self._mapped(weights, "out", merge_heads(context)), now

    def lowerings(
        self,
        platform: str,
        x: Type,
        memory: Type | None = None,
        mask: Type | None = None,
        position_bias: Type | None = None,
    ) -> tuple[Lowering, ...]:
        heads = (*x.shape[:-2], self.heads)
        key = (memory or x).shape[-2]
        return lowerings(platform, heads, x.shape[-2], key, self._width(x), self.causal, self.window)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        x, memory, bias = kept["x"], kept.get("memory"), kept.get("position_bias")
        by_context, gradients = self._unmapped(kept, "out", merge_heads(kept["context"]), gradient)
        q, k = kept["query"], kept["key"]
        attend = self._attend(ctx, q, k, kept.get("mask"), bias)
        back, sums = attend.backward, ("shares", "total")
        if "shares" not in kept:
            blocks = blocks_of(self, q.shape[-2], kept, *types_of(x, memory, kept.get("mask"), bias))
            back, sums = partial(_long.backward, replace(attend, blocks=blocks)), ("logsumexp",)
        arrays = (kept[name] for name in ("value", "context", *sums))
        by_q, by_k, by_v, by_scores = back(split_heads(by_context, self.heads), q, k, *arrays)
        by_q = by_q * self._factor(by_q.shape[-1])
        if self.rope is not None:
            by_q, by_k = rotated(by_q, self.rope, -1), rotated(by_k, self.rope, -1)
        by_q, by_k, by_v = merge_heads(by_q), merge_heads(by_k), merge_heads(by_v)
        if bias is not None:
            gradients["position_bias"] = by_scores.astype(bias.dtype)
        if memory is None:
            gradients["x"], found = self._unmapped(kept, "qkv", x, jnp.concatenate([by_q, by_k, by_v], -1))
            return gradients | found
        gradients["x"], found = self._unmapped(kept, "q", x, by_q)
        gradients["memory"], more = self._unmapped(kept, "kv", memory, jnp.concatenate([by_k, by_v], -1))
        return gradients | found | more

    def cost(
        self, x: Type, memory: Type | None = None, mask: Type | None = None, position_bias: Type | None = None
    ) -> Cost:
        weights = self.weights(x, memory)
        rows, seen = elements([Type(x.shape[:-1])]), elements([Type((memory or x).shape[:-1])])
        flops = 0
        for name, weight in weights.items():
            each = (2 if name.endswith("kernel") else 1) * elements([Type(weight.shape)])
            flops += each * (seen if name.startswith("kv.") else rows)
        # Scores and contexts, and of each score the largest, the difference, the exponential and the sum.
        scores = elements([Type((*x.shape[:-1], self.heads, (memory or x).shape[-2]))])
        flops += scores * (4 * elements([Type((self._width(x),))]) + 4)
        return Cost(flops, moved(x, memory, mask, position_bias, x, *weights.values()))

    @property
    def _groups(self) -> int:
        return self.heads if self.kv_heads is None else self.kv_heads

    def _width(self, x: Type) -> Size:
        try:
            return exact_div(x.shape[-1], self.heads) if self.head_dim is None else self.head_dim
        except NotDivisible:
            reason = f"the width {x.shape[-1]} does not divide by {self.heads} heads"
            raise Mismatch(reason, "change `heads`, or give `head_dim`", 0) from None

    def _factor(self, width: int) -> float:
        return width**-0.5 if self.scale is None else self.scale

    def _attend(self, ctx: Context, q: Any, k: Any, mask: Any, bias: Any) -> Attend:
        if mask is not None:
            mask = spread_out(mask, q.shape[:-3], self.heads, q.shape[-2], k.shape[-2])
        if bias is not None:
            bias = jnp.expand_dims(bias, tuple(range(q.ndim - bias.ndim)))
        return Attend(self.causal, self.window, mask, bias, self.dropout, dropping_key(ctx, self.dropout))

    def _projected(self, weights: Any, x: Any, memory: Any, start: Any = 0) -> tuple[Any, Any, Any]:
        """Scaled queries, keys and values, head-major; `start` is the position of the first."""
        if memory is None:
            merged = self._mapped(weights, "qkv", x)
            inner = merged.shape[-1] * self.heads // (self.heads + 2 * self._groups)
            q, k, v = jnp.split(merged, (inner, (merged.shape[-1] + inner) // 2), axis=-1)
        else:
            q = self._mapped(weights, "q", x)
            k, v = jnp.split(self._mapped(weights, "kv", memory), 2, axis=-1)
        q, k, v = split_heads(q, self.heads), split_heads(k, self._groups), split_heads(v, self._groups)
        if self.rope is not None:
            q, k = (rotated(one, self.rope, start=start) for one in (q, k))
        return q * self._factor(q.shape[-1]), k, v

    def _mapped(self, weights: Any, role: str, x: Any) -> Any:
        y = x @ weights[f"{role}.kernel"]
        return y + jnp.expand_dims(weights[f"{role}.bias"], tuple(range(y.ndim - 1))) if self.bias else y

    def _unmapped(self, kept: Any, role: str, x: Any, gradient: Any) -> tuple[Any, dict[str, Any]]:
        """Gradients of the input and of the weights of one of the maps."""
        kernel = kept[f"{role}.kernel"]
        rows = gradient.reshape(-1, kernel.shape[1])
        found = {f"{role}.kernel": x.reshape(-1, kernel.shape[0]).T @ rows}
        return gradient @ kernel.T, found | ({f"{role}.bias": rows.sum(0)} if self.bias else {})

    def _check_settings(self, x: Type) -> None:
        groups = self._groups
        if self.heads < 1 or groups < 1:
            raise Mismatch(f"`heads` and `kv_heads` must be at least 1, and are {self.heads} and {groups}")
        if self.heads % groups:
            raise Mismatch(
                f"{self.heads} `heads` do not divide by {groups} `kv_heads`", "give each key head as many query heads"
            )
        if not 0 <= self.dropout < 1:
            raise Mismatch(f"`dropout = {self.dropout}` must be at least 0 and below 1", "attention(8, dropout = 0.1)")
        check_window(self.window)
        width = self._width(x)
        if less(width, 1):
            raise Mismatch(f"`head_dim` must be at least 1, and is {width}")
        if self.rope is not None and (not self.rope > 0 or (isinstance(width, int) and width % 2)):
            reason = f"`rope = {self.rope}` needs a base above 0 and an even width of a head, which is {width}"
            raise Mismatch(reason, "rope = 10_000, and an even `head_dim`")

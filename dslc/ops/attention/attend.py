"""Attention of given queries, keys and values."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from dslc.dims import NotDivisible, Size, exact_div, same
from dslc.lazy import jnp
from dslc.ops._choice import types_of
from dslc.ops._time import UNKNOWN, Across, Axis, InTime, Stretch
from dslc.ops._wide import wide
from dslc.ops.attention import _long
from dslc.ops.attention._core import Attend as Core
from dslc.ops.attention._core import merge_heads, split_heads
from dslc.ops.attention._mask import check, check_window, spread_out
from dslc.ops.attention._rotary import rotated
from dslc.ops.attention._step import Run, of_itself, to_memory
from dslc.ops.attention._ways import blocks_of, lowerings
from dslc.ops.base import Context, Cost, Lowering, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.noise._hash import dropping_key
from dslc.types import Type


@op
class Attend(Op):
    """Attention without weights: each query gathers values by the likeness of its heads with those of the keys.

    Settings, `mask` and `position_bias` are those of `attention`; with `kv_heads` keys and values have so many heads.

    Shapes: `[..., query, d]`, `[..., key, d]` and `[..., key, v]` to `[..., query, v]`.
    Reference: Vaswani et al., 2017, arXiv:1706.03762.
    """

    heads: int
    kv_heads: int | None = None
    causal: bool = False
    rope: float | None = None
    dropout: float = 0.0
    scale: float | None = None
    window: int | None = None

    random = True
    keeps = ("query", "key", "value", "mask", "position_bias")
    saves = ("context", "shares", "total", "logsumexp")
    aliases = ("ScaledDotProductAttention", "DotProductAttention")
    precision = "half"
    samples = (
        Sample("attend(2)", ("[batch, t, 6]", "[batch, s, 6]", "[batch, s, 10]", "bool[batch, s]"), "[batch, t, 10]"),
        Sample(
            "attend(4, kv_heads = 2, causal = true, rope = 10_000, dropout = 0.1)",
            ("[batch, 5, 8]", "[batch, 5, 4]", "[batch, 5, 4]", "none", "[4, 5, 5]"),
            "[batch, 5, 8]",
        ),
        Sample(
            "attend(1, scale = 1)",
            ("[2, 1]", "[2, 1]", "[2, 1]"),
            "[2, 1]",
            given=([[0.0], [1.0]], [[0.0], [1.0]], [[0.0], [6.0]]),
            gives=[[3.0], [4.38635147178003]],
            source="by hand: the second row is 6 / (1 + exp(-1))",
        ),
        Sample(
            "attend(1, window = 2)",
            ("[2, 3, 1]", "[2, 3, 1]", "[2, 3, 1]"),
            "[2, 3, 1]",
            given=([[[0.0]] * 3] * 2, [[[9.0], [-7.0], [0.5]]] * 2, [[[1.0], [2.0], [6.0]], [[0.0], [3.0], [5.0]]]),
            gives=[[[1.5], [3.0], [4.0]], [[1.5], [8 / 3], [4.0]]],
            source="by hand: queries of 0 give the mean of what is visible, itself and its neighbours",
        ),
        Refused("attend(3)", ("[batch, t, 8]", "[batch, t, 8]", "[batch, t, 8]"), "does not divide by 3 heads"),
        Refused("attend(2)", ("[batch, t, 8]", "[batch, t, 6]", "[batch, t, 8]"), "width 8 of the queries"),
        Refused("attend(2)", ("[batch, t, 8]", "[batch, 5, 8]", "[batch, 4, 8]"), "5 keys and 4 values"),
        Refused("attend(2)", ("[6, t, 8]", "[4, t, 8]", "[6, t, 8]"), "leading axes"),
        Refused("attend(4, kv_heads = 3)", ("[t, 8]", "[t, 8]", "[t, 8]"), "do not divide by 3 `kv_heads`"),
    )

    def infer(
        self, query: Type, key: Type, value: Type, mask: Type | None = None, position_bias: Type | None = None
    ) -> Type:
        floating(query, key, value)
        self._check_settings()
        for position, type in enumerate((query, key, value)):
            if type.rank < 2:
                raise Mismatch(f"needs positions and features along the last two axes, and gets {type}", None, position)
            if type.rank != query.rank or any(
                same(*pair) is False for pair in zip(type.shape[:-2], query.shape[:-2], strict=True)
            ):
                raise Mismatch(
                    f"{type} has other leading axes than {query}", "give all the same leading axes", position
                )
        if same(key.shape[-2], value.shape[-2]) is False:
            raise Mismatch(f"there are {key.shape[-2]} keys and {value.shape[-2]} values", "make both of one tensor", 2)
        width, _ = _width(query, self.heads, 0), _width(value, self._groups, 2)
        if same(width * self._groups, key.shape[-1]) is False:
            reason = f"the width {query.shape[-1]} of the queries, in {self.heads} heads, does not fit keys of {key.shape[-1]}"
            raise Mismatch(reason, f"give the keys {self._groups} heads of {width}", 1)
        if self.rope is not None and isinstance(width, int) and width % 2:
            raise Mismatch(f"`rope` needs an even width of a head, which is {width}", "change `heads`")
        check(mask, position_bias, query.shape[:-2], (self.heads, query.shape[-2], key.shape[-2]), 3)
        return query.with_last(_width(value, self._groups, 2) * self.heads)

    def saved(
        self, query: Type, key: Type, value: Type, mask: Type | None = None, position_bias: Type | None = None
    ) -> dict[str, Type]:
        (*leading, rows, _), width = query.shape, _width(value, self._groups, 2)
        kept = {"context": Type((*leading, self.heads, rows, width), query.dtype)}
        sums = Type((*leading, self.heads, rows, 1), wide(query.dtype))
        if blocks_of(self, rows, None, query, key, value, mask, position_bias):
            return kept | {"logsumexp": sums}
        return kept | {"shares": Type((*leading, self.heads, rows, key.shape[-2]), query.dtype), "total": sums}

    def apply(self, weights: Any, *inputs: Any, ctx: Context) -> Any:
        return self.apply_saving(weights, *inputs, ctx=ctx)[0]

    def apply_saving(
        self,
        weights: Any,
        query: Any,
        key: Any,
        value: Any,
        mask: Any = None,
        position_bias: Any = None,
        *,
        ctx: Context,
    ) -> tuple[Any, dict[str, Any]]:
        q, k, v = self._heads(query, key, value)
        core = self._core(ctx, q, k, mask, position_bias)
        blocks = blocks_of(self, q.shape[-2], ctx.kept, *types_of(query, key, value, mask, position_bias))
        if blocks:
            context, logsumexp = _long.forward(replace(core, blocks=blocks), q, k, v)
            saved = {"logsumexp": logsumexp}
        else:
            context, shares, total, _ = core.forward(q, k, v)
            saved = {"shares": shares, "total": total}
        return merge_heads(context), {"context": context} | saved

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        query, key, value, *places = types
        assert query is not None
        assert key is not None
        assert value is not None
        given, axis = (places[0], places[1]), query.rank - 2
        if time[:3] == (axis, None, None):
            if self.rope is not None:
                return Across("turns by their places the queries to another sequence", ahead=False)
            return to_memory(self.causal, self.heads, query, key, given, time[3:], (None, None, None))
        if time[:3] != (axis, axis, axis):
            return UNKNOWN
        kept = {
            name: Type((*one.shape[:-2], self._groups, one.shape[-2], _width(one, self._groups, place)), one.dtype)
            for place, (name, one) in enumerate((("key", key), ("value", value)), 1)
        }
        return of_itself(self.causal, self.heads, query, kept, given, time[3:], (None, None, None))

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        query, key, value, mask, bias = inputs
        q, k, v = self._heads(query, key, value, here.first)
        if bias is not None:
            bias = jnp.expand_dims(bias, tuple(range(q.ndim - bias.ndim)))
        context, now = Run(self.window, here.first, mask, bias)(q, k, v, memory)
        return merge_heads(context), now

    def lowerings(
        self,
        platform: str,
        query: Type,
        key: Type,
        value: Type,
        mask: Type | None = None,
        position_bias: Type | None = None,
    ) -> tuple[Lowering, ...]:
        heads = (*query.shape[:-2], self.heads)
        width = _width(query, self.heads, 0)
        return lowerings(platform, heads, query.shape[-2], key.shape[-2], width, self.causal, self.window)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        bias = kept.get("position_bias")
        q, k, v = self._heads(kept["query"], kept["key"], kept["value"])
        core = self._core(ctx, q, k, kept.get("mask"), bias)
        back, sums = core.backward, ("shares", "total")
        if "shares" not in kept:
            given = types_of(kept["query"], kept["key"], kept["value"], kept.get("mask"), bias)
            core = replace(core, blocks=blocks_of(self, q.shape[-2], kept, *given))
            back, sums = partial(_long.backward, core), ("logsumexp",)
        arrays = (kept[name] for name in ("context", *sums))
        by_q, by_k, by_v, by_scores = back(split_heads(gradient, self.heads), q, k, v, *arrays)
        by_q = by_q * self._factor(by_q.shape[-1])
        if self.rope is not None:
            by_q, by_k = rotated(by_q, self.rope, -1), rotated(by_k, self.rope, -1)
        found = {"query": merge_heads(by_q), "key": merge_heads(by_k), "value": merge_heads(by_v)}
        return found | ({} if bias is None else {"position_bias": by_scores.astype(bias.dtype)})

    def cost(
        self, query: Type, key: Type, value: Type, mask: Type | None = None, position_bias: Type | None = None
    ) -> Cost:
        scores = elements([Type((*query.shape[:-1], self.heads, key.shape[-2]))])
        widths = elements([Type((_width(query, self.heads, 0) + _width(value, self._groups, 2),))])
        out = self.infer(query, key, value, mask, position_bias)
        # Both products, and of each score the largest, the difference, the exponential and the sum.
        return Cost(scores * (2 * widths + 4), moved(query, key, value, mask, position_bias, out))

    @property
    def _groups(self) -> int:
        return self.heads if self.kv_heads is None else self.kv_heads

    def _factor(self, width: int) -> float:
        return width**-0.5 if self.scale is None else self.scale

    def _heads(self, query: Any, key: Any, value: Any, start: Any = 0) -> tuple[Any, Any, Any]:
        """Scaled queries, keys and values, head-major; `start` is the position of the first."""
        q, k = split_heads(query, self.heads), split_heads(key, self._groups)
        if self.rope is not None:
            q, k = (rotated(one, self.rope, start=start) for one in (q, k))
        return q * self._factor(q.shape[-1]), k, split_heads(value, self._groups)

    def _core(self, ctx: Context, q: Any, k: Any, mask: Any, bias: Any) -> Core:
        if mask is not None:
            mask = spread_out(mask, q.shape[:-3], self.heads, q.shape[-2], k.shape[-2])
        if bias is not None:
            bias = jnp.expand_dims(bias, tuple(range(q.ndim - bias.ndim)))
        return Core(self.causal, self.window, mask, bias, self.dropout, dropping_key(ctx, self.dropout))

    def _check_settings(self) -> None:
        groups = self._groups
        if self.heads < 1 or groups < 1:
            raise Mismatch(f"`heads` and `kv_heads` must be at least 1, and are {self.heads} and {groups}")
        if self.heads % groups:
            reason = f"{self.heads} `heads` do not divide by {groups} `kv_heads`"
            raise Mismatch(reason, "give each key head as many query heads")
        if not 0 <= self.dropout < 1:
            raise Mismatch(f"`dropout = {self.dropout}` must be at least 0 and below 1", "attend(8, dropout = 0.1)")
        check_window(self.window)
        if self.rope is not None and not self.rope > 0:
            raise Mismatch(f"`rope = {self.rope}` must be above 0", "rope = 10_000")


def _width(x: Type, heads: int, input: int) -> Size:
    """Width of one head."""
    try:
        return exact_div(x.shape[-1], heads)
    except NotDivisible:
        reason = f"the width {x.shape[-1]} does not divide by {heads} heads"
        raise Mismatch(reason, "change the heads", input) from None

"""Causal attention of a run of positions: to what is kept of the keys and values before it, and to its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._time import Across, Axis, InTime, Memory, Passage
from dslc.ops.attention._core import LONG, Attend, _product  # pyright: ignore[reportPrivateUsage]
from dslc.ops.attention._mask import read, spread_out
from dslc.types import Type

MIXED = Across("has a mask of the text itself, for each query", ahead=False)


def of_itself(
    causal: bool, heads: int, x: Type, kept: Mapping[str, Type],
    places: tuple[Type | None, Type | None], time: Sequence[Axis], before: tuple[Axis, ...],
) -> InTime:  # fmt: skip
    """Attention of a sequence to itself.

    Args:
        x: the queries.
        kept: types of the keys and values, `[..., heads, positions, width]`.
        places: mask and position bias.
        time: where these two have the positions.
        before: the cuts of the inputs before these two.
    """
    if not causal:
        return Across("lets a position see those behind it, as it is not `causal`")
    cuts = _cuts(heads, x, x.shape[-2], places, time)
    if isinstance(cuts, Across):
        return cuts
    memory = {name: Memory(type, type.rank - 2) for name, type in kept.items()}
    mask = places[0]
    if mask is not None and time[0] is not None and time[0] == mask.rank - 1:
        memory["mask"] = Memory(mask, mask.rank - 1)
    return Passage((x.rank - 2,), (*before, *cuts), memory)


def to_memory(
    causal: bool, heads: int, x: Type, keys: Type,
    places: tuple[Type | None, Type | None], time: Sequence[Axis], before: tuple[Axis, ...],
) -> InTime:  # fmt: skip
    """Attention to something that does not depend on the positions of the queries: all of it is there from the start."""
    if causal:
        return Across("is `causal` towards another sequence", ahead=False)
    cuts = _cuts(heads, x, keys.shape[-2], places, time)
    if isinstance(cuts, Across) or (places[0] is not None and time[0] is not None):
        return cuts if isinstance(cuts, Across) else MIXED
    return Passage((x.rank - 2,), (*before, *cuts))


def _cuts(
    heads: int, x: Type, keys: Any, places: tuple[Type | None, Type | None], time: Sequence[Axis]
) -> tuple[Axis, Axis] | Across:
    """Where mask and bias are cut to the present queries."""
    mask, _bias = places
    named = 1 if mask is None else read(mask, x.shape[:-2], heads, x.shape[-2], keys)
    by_query = (named > 1, True)
    cuts: list[Axis] = []
    for type, axis, queries, is_mask in zip(places, time, by_query, (True, False), strict=True):
        if type is None or (axis is None and (not queries or type.rank < 2 or type.shape[-2] == 1)):
            cuts.append(None)
        elif axis is None:
            cuts.append(type.rank - 2)
        elif (axis == type.rank - 2 and queries) or (is_mask and not queries and axis == type.rank - 1):
            cuts.append(None)
        else:
            return MIXED
    return cuts[0], cuts[1]


@dataclass(frozen=True)
class Run:
    """Attention of a run of queries. Arrays are head-major, the queries scaled."""

    window: int | None
    offset: Any
    """Number of the first query."""
    mask: Any = None
    """As the op has it: of the keys of the run alone, or of all."""
    bias: Any = None
    """With the rank of the scores, and all keys along the last axis (or 1)."""

    def __call__(self, q: Any, k: Any, v: Any, memory: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        """The context `[..., heads, query, width]`, and what to keep."""
        kept = {"key": k, "value": v} | ({} if self.mask is None else {"mask": self.mask})
        length = k.shape[-2]
        core = Attend(
            True, self.window, self._spread(self._near(self.mask, length), q, length), self._near(self.bias, length)
        )
        if memory is None:
            return (core.forward if length < LONG else core.forward_in_blocks)(q, k, v)[0], kept
        parts = self._past(q, memory), core.scores(q, k)
        scores = jnp.concatenate([part for part, _ in parts], -1)
        visible = jnp.concatenate([jnp.broadcast_to(seen, part.shape) for part, seen in parts], -1)
        shares = jnp.where(visible, jnp.exp(scores - scores.max(-1, keepdims=True)), 0)
        total = shares.sum(-1, keepdims=True)
        total = jnp.where(total > 0, total, 1)
        before, own = jnp.split(shares.astype(v.dtype), [scores.shape[-1] - length], -1)
        context = _product(before, memory["value"].astype(v.dtype), total.dtype) + _product(own, v, total.dtype)
        return (context / total).astype(v.dtype), kept

    def _past(self, q: Any, memory: Mapping[str, Any]) -> tuple[Any, Any]:
        """Scores with the keys that are kept, of which those before the run count."""
        length = memory["key"].shape[-2]
        shape = (*(1,) * (q.ndim - 1), length)
        there = lax.broadcasted_iota(jnp.int32, shape, q.ndim - 1) < self.offset
        mask = self._spread(memory.get("mask", self.mask), q, length)
        core = Attend(True, self.window, there if mask is None else there & mask, self.bias, start=self.offset)
        return core.scores(q, memory["key"].astype(q.dtype))

    def _near(self, one: Any, length: int) -> Any:
        """The columns of the run itself, of a mask or a bias."""
        if one is None or one.shape[-1] in (1, length):
            return one
        return lax.dynamic_slice_in_dim(one, self.offset, length, one.ndim - 1)

    def _spread(self, mask: Any, q: Any, keys: int) -> Any:
        return None if mask is None else spread_out(mask, q.shape[:-3], q.shape[-3], q.shape[-2], keys)

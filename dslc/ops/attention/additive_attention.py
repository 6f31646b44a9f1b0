"""Attention that scores by a small network."""

from collections.abc import Mapping
from typing import Any

from dslc.dims import Size, less, same
from dslc.initializers.base import Initializer
from dslc.initializers.glorot_uniform import GlorotUniform
from dslc.lazy import jax, jnp
from dslc.ops._wide import widened
from dslc.ops.attention._mask import check, spread_out
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, floating, moved, op
from dslc.types import Type


@op
class AdditiveAttention(Op):
    """For each query a mean of the memory, weighted by the softmax of `tanh(query @ q + memory @ k) @ score`.

    The mask is true where a step of the memory is visible; a query that sees none gets zeros. A query of one step, as the
    state of a decoder, is `[batch, 1, units]`: `it[:, none]`.

    Shapes: `[..., steps, d]` and `[..., seq, features]`, mask `bool[..., seq]` or `bool[..., steps, seq]`, to `[..., steps, features]`.
    Reference: Bahdanau, Cho and Bengio, 2014, arXiv:1409.0473.
    """

    units: Size
    init: Initializer = GlorotUniform()

    aliases = ("BahdanauAttention", "AdditiveAttention")
    precision = "half"
    samples = (
        Sample("additive_attention(4)", ("[batch, 1, 3]", "[batch, seq, 5]"), "[batch, 1, 5]", parameters=36),
        Sample(
            "additive_attention(2)",
            ("[batch, t, 3]", "[batch, 7, 5]", "bool[batch, 7]"),
            "[batch, t, 5]",
            parameters=18,
        ),
        Sample(
            "additive_attention(1)",
            ("[1, 1]", "[2, 1]"),
            "[1, 1]",
            parameters=3,
            given=([[0.5]], [[-0.5], [1.0]]),
            weights={"q.kernel": [[1.0]], "k.kernel": [[1.0]], "score.kernel": [[1.0]]},
            gives=[[0.56800948]],
            source="by hand: shares of exp(0) and exp(tanh(1.5))",
        ),
        Refused("additive_attention(4)", ("[batch, 1, 3]", "[seq, 5]"), "other leading axes"),
        Refused("additive_attention(0)", ("[batch, 1, 3]", "[batch, seq, 5]"), "at least 1"),
        Refused("additive_attention(4)", ("[batch, 1, 3]", "[batch, 7, 5]", "[batch, 7]"), "must be bool"),
    )

    def infer(self, query: Type, memory: Type, mask: Type | None = None) -> Type:
        floating(query, memory)
        if less(self.units, 1):
            raise Mismatch(f"`units` must be at least 1, and is {self.units}")
        if query.rank < 2:
            raise Mismatch(f"needs steps and features along the last two axes, and gets {query}", "`it[:, none]`", 0)
        leading = query.shape[:-2]
        if memory.rank != query.rank or not all(same(*p) for p in zip(memory.shape[:-2], leading, strict=True)):
            raise Mismatch(f"`memory` is {memory}, with other leading axes than {query}", "give both the same", 1)
        check(mask, None, leading, (1, query.shape[-2], memory.shape[-2]), 2)
        return query.with_last(memory.shape[-1])

    def weights(self, query: Type, memory: Type, mask: Type | None = None) -> Mapping[str, Weight]:
        shapes = {"q": (query.shape[-1], self.units), "k": (memory.shape[-1], self.units), "score": (self.units, 1)}
        return {f"{role}.kernel": Weight(shape, self.init, *shape) for role, shape in shapes.items()}

    def apply(self, weights: Any, query: Any, memory: Any, mask: Any = None, *, ctx: Context) -> Any:
        asked = jnp.expand_dims(query @ weights["q.kernel"], -2)
        held = jnp.expand_dims(memory @ weights["k.kernel"], -3)
        scores = widened((jnp.tanh(asked + held) @ weights["score.kernel"]).squeeze(-1))
        if mask is None:
            return jax.nn.softmax(scores, -1).astype(memory.dtype) @ memory
        *leading, steps, seq = scores.shape
        seen = jnp.broadcast_to(spread_out(mask, tuple(leading), 1, steps, seq).squeeze(-3), scores.shape)
        shares = jax.nn.softmax(jnp.where(seen, scores, jnp.finfo(scores.dtype).min), -1)
        return jnp.where(seen, shares, 0).astype(memory.dtype) @ memory

    def cost(self, query: Type, memory: Type, mask: Type | None = None) -> Cost:
        out, weights = self.infer(query, memory, mask), self.weights(query, memory)
        maps = sum(
            2 * elements([Type(x.shape[:-1])]) * elements([Type(weights[role].shape)])
            for x, role in ((query, "q.kernel"), (memory, "k.kernel"))
        )
        pairs = elements([Type((*query.shape[:-1], memory.shape[-2]))])
        each = 4 * elements([Type((self.units,))]) + 5 + 2 * elements([Type(memory.shape[-1:])])
        return Cost(maps + pairs * each, moved(query, memory, mask, out, *weights.values()))

"""A table of vectors."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from dslc.dims import Size, less
from dslc.initializers.base import Initializer
from dslc.initializers.normal import Normal
from dslc.lazy import jnp
from dslc.ops._choice import lowered, type_of
from dslc.ops.base import Context, Cost, Lowering, Mismatch, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.linear._table import (
    PRODUCT,
    SCATTER,
    SORTED,
    added_in_order,
    lowerings,
    multiplied,
    scattered,
    wide_index,
)
from dslc.types import Type


@op
class Embedding(Op):
    """Row of a trained table for every index: a vector for every token.

    An index outside of the table gives NaN, so that wrong data cannot pass for a token.

    Shapes: `i32[...]` to `[..., units]`.
    Reference: Bengio, Ducharme, Vincent and Jauvin, 2003.
    """

    vocab: Size
    units: Size
    init: Initializer = Normal(0.02)
    aliases = ("Embed", "LookupTable")
    rowwise = True
    keeps = ("index",)
    samples = (
        Sample("embedding(7, 4)", ("i32[batch, seq]",), "[batch, seq, 4]", parameters=28),
        Sample("embedding(5, 2)", ("i32[]",), "[2]", parameters=10),
        Sample(
            "embedding(3, 2)",
            ("i32[4]",),
            "[4, 2]",
            given=([2, 0, 1, 2],),
            weights={"table": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]},
            gives=[[5.0, 6.0], [1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
            source="worked by hand",
        ),
        Refused("embedding(7, 4)", ("[batch, seq]",), "needs integers"),
        Refused("embedding(0, 4)", ("i32[batch]",), "at least 1"),
    )

    def infer(self, index: Type) -> Type:
        if not index.is_integer:
            raise Mismatch(f"needs integers, and gets {index.dtype}", 'cast it first: `-> cast("i32")`', 0)
        for name, size in (("vocab", self.vocab), ("units", self.units)):
            if less(size, 1):
                raise Mismatch(f"`{name}` must be at least 1, and is {size}")
        return Type((*index.shape, self.units))

    def weights(self, index: Type) -> Mapping[str, Weight]:
        return {"table": Weight((self.vocab, self.units), self.init, self.vocab, self.units)}

    def apply(self, weights: Any, index: Any, *, ctx: Context) -> Any:
        return jnp.take(weights["table"], wide_index(index), axis=0)

    def cost(self, index: Type) -> Cost:
        rows = self.infer(index)
        # Of a long table only the rows that are asked for are read.
        return Cost(0, moved(index, rows) + min(moved(rows), moved(*self.weights(index).values())))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        vocab: Any = self.vocab
        ways = {
            SCATTER: partial(scattered, vocab),
            PRODUCT: partial(multiplied, vocab),
            SORTED: partial(added_in_order, vocab),
        }
        return {"table": lowered(self, (type_of(kept["index"]),), ways, wide_index(kept["index"]), gradient)}

    def lowerings(self, platform: str, index: Type) -> tuple[Lowering, ...]:
        return lowerings(platform, elements([index]), self.vocab, self.units)  # pyright: ignore[reportArgumentType]

"""Attention as an author writes it out, taken apart: products, scale, masks and biases."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dslc.graph import Node, Ref
from dslc.ops.activation.softmax import Softmax
from dslc.ops.arithmetic.matmul import Matmul
from dslc.ops.core.index import Index
from dslc.ops.noise.dropout import Dropout
from dslc.ops.shape.einsum import Einsum
from dslc.ops.shape.where import Where
from dslc.passes._edit import Edit
from dslc.passes._einsum import gathers_values, makes_scores
from dslc.passes._match import Call, Either, Found, Hole, Number, Pattern, Product, Total
from dslc.passes._terms import number
from dslc.passes._visible import WHOLE, is_causal
from dslc.passes.base import Fact
from dslc.types import Type

LOW = -1e4
"""A score so low that its share is zero: next to one that is 750 higher, in 64 bits."""
q, k, v = Hole("q"), Hole("k"), Hole("v")


def _along_keys(op: Softmax, types: tuple[Type | None, ...]) -> bool:
    scores = types[0]
    return scores is not None and op.axis % scores.rank == scores.rank - 1


LIKENESS = Either((Call(Matmul, (q, k)), Call(Einsum, (q, k), makes_scores)))
PLAIN = Product(Number("scale"), ((LIKENESS, 1.0),))


def _scores(depth: int) -> Iterator[Pattern]:
    yield PLAIN
    yield Total(0.0, (PLAIN, Product(1.0, ((Hole("bias"), 1.0),))))
    if depth:
        inner = Either(tuple(_scores(depth - 1)))
        low = Hole(f"low {depth}")
        yield Call(Where, (Hole(f"visible {depth}"), inner, low))
        yield Call(Where, (Hole(f"hidden {depth}"), low, inner))


SCORES = Either(tuple(_scores(2)))
SHARES = Either((Call(Softmax, (SCORES,), _along_keys), Call(Softmax, (SCORES, Hole("mask")), _along_keys)))
ATTENTION = Either((Call(Matmul, (SHARES, v)), Call(Einsum, (SHARES, v), gathers_values)))
DROPPED = Call(Matmul, (Call(Dropout, (SHARES,)), v))


@dataclass(frozen=True)
class Written:
    """What attention that is written out amounts to."""

    scale: float
    causal: bool = False
    hides: tuple[tuple[Ref, bool], ...] = ()
    """Masks that replace hidden scores, and whether they are true where a key is visible."""
    mask: Ref | None = None
    """The mask of the softmax itself."""
    bias: Ref | None = None


@dataclass(frozen=True)
class NotLow(Fact):
    """Scores in the place of hidden ones that are not low, or not known."""

    value: float | None

    def __str__(self) -> str:
        value = "a tensor" if self.value is None else f"{self.value:g}"
        return f"hidden scores become {value}, and a share of zero needs a number of {LOW:g} or less"


@dataclass(frozen=True)
class TwoMasks(Fact):
    """Hidden scores, and a mask of the softmax."""

    def __str__(self) -> str:
        return "the softmax has a mask, and hidden scores besides: rows without a visible key would differ"


def read(edit: Edit, found: Found, scores: Ref) -> Written | Fact:
    """What the pattern found, or why it is not attention."""
    hides: list[tuple[Ref, bool]] = []
    lows: set[float | None] = set()
    for name, ref in found.refs.items():
        kind, _, depth = name.partition(" ")
        if kind in ("visible", "hidden"):
            hides.append((ref, kind == "visible"))
            lows.add(number(edit, found.refs[f"low {depth}"]))
    for low in lows:
        if low is None or low > LOW or len(lows) > 1:
            return NotLow(low)
    bias, mask = found.refs.get("bias"), found.refs.get("mask")
    by_bias = None if bias is None else _additive(edit, bias)
    causal = [is_causal(edit, ref, scores, visible) for ref, visible in (*hides, *((by_bias,) if by_bias else ()))]
    if by_bias and causal.pop():
        bias, causal = None, [*causal, True]
    if mask is not None and hides:
        return TwoMasks()
    if mask is not None and is_causal(edit, mask, scores):
        mask, causal = None, [True]
    # A causal mask alone hides no row completely, and needs no array.
    alone = all(causal[: len(hides)])
    return Written(found.numbers["scale"], any(causal), () if alone else tuple(hides), mask, bias)


def _additive(edit: Edit, bias: Ref) -> tuple[Ref, bool] | None:
    """The mask of a bias that is 0 where a key is visible and low elsewhere."""
    node = edit.producer(bias)
    if node is None or not isinstance(node.op, Where):
        return None
    mask, yes, no = node.inputs
    values = number(edit, yes), number(edit, no)
    for visible, (shown, hidden) in ((True, values), (False, values[::-1])):
        if mask is not None and shown == 0 and hidden is not None and hidden <= LOW:
            return mask, visible
    return None


def with_heads(edit: Edit, at: Node, part: Ref, rank: int, name: str) -> Ref:
    """A mask or bias of scores of a rank, with an axis for the one head in front of queries and keys."""
    missing = rank - edit.type(part).rank
    items: list[Any] = ["none"] * missing + [WHOLE] * (rank - missing)
    items.insert(rank - 2, "none")
    return edit.put(at, name, Index(tuple(items)), part)

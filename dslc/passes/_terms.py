"""Sums and products as the author wrote them, taken apart: `0.5 * x * (1 + t)` is 0.5 times `x` times `1 + t`.

A node can be taken apart or left whole: what an author calls `x` may be a sum itself. Every way to do so is given, with at
most so many parts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from dslc.graph import Node, Ref
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.divide import Divide
from dslc.ops.arithmetic.multiply import Multiply
from dslc.ops.arithmetic.negative import Negative
from dslc.ops.arithmetic.power import Power
from dslc.ops.arithmetic.subtract import Subtract
from dslc.ops.core.constant import Constant
from dslc.ops.pointwise.sqrt import Sqrt
from dslc.ops.pointwise.square import Square
from dslc.passes._edit import Edit


class Term(NamedTuple):
    """A term of a sum with its sign, or a factor of a product with its exponent."""

    ref: Ref
    times: float = 1.0


@dataclass(frozen=True)
class Taken:
    """A node taken apart: a number, the other parts, and the names of the nodes that are opened for it."""

    number: float
    parts: tuple[Term, ...]
    inner: frozenset[str]


Way: TypeAlias = Callable[[Edit, Ref, int], Iterator[Taken]]
"""`sums` or `products`."""


def number(edit: Edit, ref: Ref | None) -> float | None:
    """The value, if a node is a number."""
    node = edit.producer(ref)
    if node is None or not isinstance(node.op, Constant) or isinstance(node.op.value, bool):
        return None
    return float(node.op.value)


def sums(edit: Edit, ref: Ref, most: int) -> Iterator[Taken]:
    """The ways to see a tensor as a number and up to `most` terms."""
    value = number(edit, ref)
    if value is not None:
        yield Taken(value, (), frozenset((ref.node,)))
        return
    if most < 1:
        return
    yield Taken(0.0, (Term(ref),), frozenset())
    node = edit.producer(ref)
    if node is None or not node.type.is_float:
        return
    if isinstance(node.op, Negative):
        for one in sums(edit, _input(node, 0), most):
            yield _sum(node, Taken(0.0, (), frozenset()), one, -1.0)
    elif isinstance(node.op, Add | Subtract) and len(node.inputs) == 2:
        sign = 1.0 if isinstance(node.op, Add) else -1.0
        for left, right in _both(edit, node, most, sums):
            yield _sum(node, left, right, sign)


def products(edit: Edit, ref: Ref, most: int) -> Iterator[Taken]:
    """The ways to see a tensor as a number times up to `most` powers."""
    value = number(edit, ref)
    if value is not None:
        yield Taken(value, (), frozenset((ref.node,)))
        return
    if most < 1:
        return
    yield Taken(1.0, (Term(ref),), frozenset())
    node = edit.producer(ref)
    if node is None or not node.type.is_float:
        return
    if isinstance(node.op, Negative):
        for one in products(edit, _input(node, 0), most):
            yield Taken(-one.number, one.parts, one.inner | {node.name})
    elif isinstance(node.op, Multiply | Divide) and len(node.inputs) == 2:
        exponent = 1.0 if isinstance(node.op, Multiply) else -1.0
        for left, right in _both(edit, node, most, products):
            if right.number or exponent > 0:
                yield _product(node, left, right, exponent)
    elif (raised := _exponent(edit, node)) is not None:
        yield from _powers(edit, node, *raised, most)


def merged(parts: tuple[Term, ...]) -> tuple[Term, ...]:
    """The powers of a product, those of one base with whole exponents of one sign as one."""
    found: dict[tuple[Ref, bool, bool], float] = {}
    rest: list[Term] = []
    for ref, times in parts:
        if times % 1:
            rest.append(Term(ref, times))
        else:
            key = (ref, times > 0, True)
            found[key] = found.get(key, 0.0) + times
    return (*(Term(key[0], times) for key, times in found.items()), *rest)


def _both(edit: Edit, node: Node, most: int, way: Way) -> Iterator[tuple[Taken, Taken]]:
    a, b = _input(node, 0), _input(node, 1)
    # A number is no part: whoever stands beside one may have all of them.
    fixed = [number(edit, ref) is not None for ref in (a, b)]
    for left in way(edit, a, most if fixed[1] else most - 1):
        for right in way(edit, b, most - len(left.parts)):
            yield left, right


def _sum(node: Node, left: Taken, right: Taken, sign: float) -> Taken:
    parts = (*left.parts, *(Term(ref, times * sign) for ref, times in right.parts))
    return Taken(left.number + sign * right.number, parts, left.inner | right.inner | {node.name})


def _product(node: Node, left: Taken, right: Taken, exponent: float) -> Taken:
    parts = (*left.parts, *(Term(ref, times * exponent) for ref, times in right.parts))
    return Taken(left.number * right.number**exponent, parts, left.inner | right.inner | {node.name})


def _exponent(edit: Edit, node: Node) -> tuple[float, frozenset[str]] | None:
    """The exponent, where a node is a power with a known one, and the node that holds it."""
    if isinstance(node.op, Sqrt):
        return 0.5, frozenset()
    if isinstance(node.op, Square):
        return 2.0, frozenset()
    value = number(edit, node.inputs[1]) if isinstance(node.op, Power) else None
    return None if value is None else (value, frozenset((_input(node, 1).node,)))


def _powers(edit: Edit, node: Node, exponent: float, held: frozenset[str], most: int) -> Iterator[Taken]:
    base, inner = _input(node, 0), held | {node.name}
    if exponent % 1:
        # A root of a product is no product of roots where two factors are negative.
        yield Taken(1.0, (Term(base, exponent),), inner)
        return
    for one in products(edit, base, most):
        if one.number or exponent > 0:
            parts = tuple(Term(ref, times * exponent) for ref, times in one.parts)
            yield Taken(one.number**exponent, parts, one.inner | inner)


def _input(node: Node, place: int) -> Ref:
    ref = node.inputs[place]
    assert ref is not None  # arithmetic has no input that may be left out
    return ref

"""Patterns: what a pass looks for, written as the algebra that an author writes.

    x = Hole("x")
    pattern = 0.5 * x * (1 + call(Tanh, x))

Sums and products match in any order and with any parentheses: `a - b` is a sum, `a / b`, `a ** 2` and `sqrt(a)` are products
of powers, and numbers are collected. A hole holds any tensor, the same wherever its name stands.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isclose
from typing import Any

from dslc.graph import Node, Ref
from dslc.ops.base import Op
from dslc.ops.core.constant import Constant
from dslc.ops.core.index import Index
from dslc.ops.reduce.base import Reduction
from dslc.ops.reduce.mean import Mean
from dslc.ops.reduce.sum import Sum
from dslc.passes._edit import Edit
from dslc.passes._terms import Term, merged, products, sums
from dslc.passes.base import Fact, ReadElsewhere
from dslc.text import op_text
from dslc.types import Type

CLOSE = 1e-6
"""Relative difference of a number in the source and that of a formula: authors write six digits and more."""


@dataclass(frozen=True)
class Found:
    """What the holes hold, the numbers by name, and the nodes that the pattern stands for."""

    refs: Mapping[str, Ref] = field(default_factory=dict[str, Ref])
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    inner: frozenset[str] = frozenset()

    def through(self, *names: str) -> "Found":
        return Found(self.refs, self.numbers, self.inner | set(names))

    def holding(self, name: str, ref: Ref) -> "Found | None":
        if name in self.refs:
            return self if self.refs[name] == ref else None
        return Found({**self.refs, name: ref}, self.numbers, self.inner)

    def counting(self, wanted: "float | Number", value: float) -> "Found | None":
        """The same with a number, if that is the one that is wanted."""
        if isinstance(wanted, Number):
            return self._named(wanted.name, value)
        return self if isclose(value, wanted, rel_tol=CLOSE) else None

    def _named(self, name: str, value: float) -> "Found | None":
        if name in self.numbers:
            return self.counting(self.numbers[name], value)
        return Found(self.refs, {**self.numbers, name: value}, self.inner)


@dataclass(frozen=True)
class Recognized(Fact):
    """The op that several nodes amount to."""

    op: str
    nodes: int

    def __str__(self) -> str:
        return f"{self.nodes} nodes are `{self.op}`, which has a backward rule of its own"


class Pattern:
    """What a tensor may be; arithmetic with patterns and numbers makes sums and products of them."""

    def matches(self, edit: Edit, ref: Ref, found: Found) -> Iterator[Found]:
        """The ways in which a tensor is what the pattern says, given what the holes hold already."""
        raise AssertionError(type(self).__name__)

    def __add__(self, other: "Pattern | Number | float") -> "Total":
        left, right = _total(self), _total(other)
        if isinstance(left.number, Number):
            return Total(left.number, left.terms + right.terms)
        added = right.number if isinstance(right.number, Number) else left.number + right.number
        return Total(added, left.terms + right.terms)

    def __radd__(self, other: float) -> "Total":
        return self + other

    def __sub__(self, other: "Pattern | float") -> "Total":
        return self + (-other)

    def __rsub__(self, other: float) -> "Total":
        return -self + other

    def __neg__(self) -> "Product":
        return self * -1.0

    def __mul__(self, other: "Pattern | Number | float") -> "Product":
        left, right = _product(self), _product(other)
        if isinstance(left.number, Number):
            return Product(left.number, left.factors + right.factors)
        number = right.number if isinstance(right.number, Number) else left.number * right.number
        return Product(number, left.factors + right.factors)

    def __rmul__(self, other: float) -> "Product":
        return self * other

    def __truediv__(self, other: "Pattern") -> "Product":
        return self * other**-1.0

    def __pow__(self, exponent: float) -> "Product":
        return Product(1.0, ((self, exponent),))


@dataclass(frozen=True)
class Number:
    """A number of any value, in a sum (0 where there is none) or in a product (1 where there is none)."""

    name: str


@dataclass(frozen=True)
class Hole(Pattern):
    """Any tensor."""

    name: str

    def matches(self, edit: Edit, ref: Ref, found: Found) -> Iterator[Found]:
        held = found.holding(self.name, ref)
        if held is not None:
            yield held


@dataclass(frozen=True)
class Call(Pattern):
    """An op on what its inputs match; `when` may ask for more, of the op and of the types of its inputs."""

    op: type[Op]
    of: tuple[Pattern, ...]
    when: Callable[[Any, tuple[Type | None, ...]], bool] | None = None

    def matches(self, edit: Edit, ref: Ref, found: Found) -> Iterator[Found]:
        node = edit.producer(ref)
        if node is None or not isinstance(node.op, self.op) or any(node.inputs[len(self.of) :]):
            return
        types = tuple(None if given is None else edit.type(given) for given in node.inputs)
        if self.when is None or self.when(node.op, types):
            yield from self._inputs(edit, node.inputs, 0, found.through(node.name))

    def _inputs(self, edit: Edit, refs: Sequence[Ref | None], place: int, found: Found) -> Iterator[Found]:
        if place == len(self.of):
            yield found
            return
        ref = refs[place]
        for held in () if ref is None else self.of[place].matches(edit, ref, found):
            yield from self._inputs(edit, refs, place + 1, held)


@dataclass(frozen=True)
class Either(Pattern):
    """One of several ways to write the same."""

    ways: tuple[Pattern, ...]

    def matches(self, edit: Edit, ref: Ref, found: Found) -> Iterator[Found]:
        for way in self.ways:
            yield from way.matches(edit, ref, found)


@dataclass(frozen=True)
class Product(Pattern):
    """A number times powers of tensors, in any order."""

    number: float | Number
    factors: tuple[tuple[Pattern, float], ...]

    def __pow__(self, exponent: float) -> "Product":
        assert not isinstance(self.number, Number)
        return Product(self.number**exponent, tuple((of, power * exponent) for of, power in self.factors))

    def matches(self, edit: Edit, ref: Ref, found: Found) -> Iterator[Found]:
        return self.signed(edit, ref, 1.0, found)

    def signed(self, edit: Edit, ref: Ref, sign: float, found: Found) -> Iterator[Found]:
        """The ways in which a tensor, times a sign, is the product."""
        most = sum(max(1, ceil(abs(exponent))) for _, exponent in self.factors)
        for taken in products(edit, ref, most):
            parts = merged(taken.parts)
            held = found.counting(self.number, sign * taken.number) if len(parts) == len(self.factors) else None
            if held is not None:
                yield from _assigned(edit, self.factors, parts, held.through(*taken.inner))


@dataclass(frozen=True)
class Total(Pattern):
    """A number and terms, in any order."""

    number: float | Number
    terms: tuple[Product, ...]

    def matches(self, edit: Edit, ref: Ref, found: Found) -> Iterator[Found]:
        for taken in sums(edit, ref, len(self.terms)):
            held = found.counting(self.number, taken.number) if len(taken.parts) == len(self.terms) else None
            if held is not None:
                yield from _added(edit, self.terms, taken.parts, held.through(*taken.inner))


def call(op: type[Op], *of: Pattern) -> Call:
    """An op with any settings."""
    return Call(op, of)


def root(of: Pattern) -> Product:
    """The square root."""
    return of**0.5


def along_rows(op: type[Reduction], of: Pattern, share: Number | float = 1.0) -> Pattern:
    """A reduction of the last axis, which stays as one of size 1, times a number."""
    kept = Call(op, (of,), lambda op, types: op.keep and _last_alone(op, types))
    dropped = Call(op, (of,), lambda op, types: not op.keep and _last_alone(op, types))
    if share == 1.0:
        return Either((kept, _with_last(dropped)))
    return Either((kept * share, _with_last(dropped) * share, _with_last(dropped * share)))


def _with_last(of: Pattern) -> Pattern:
    """A tensor with one more axis at the end."""
    return Call(Index, (of,), _adds_last)


def recognized(edit: Edit, forms: Sequence[Pattern]) -> Iterator[tuple[Node, int, Found]]:
    """The nodes that a form stands for, the last ones first, with the number of the form.

    A node in the middle that something else reads is a refusal. Who takes a match changes its last node.
    """
    gone: set[str] = set()
    for name in reversed(list(edit.graph.nodes)):
        node = edit[name]
        if name in gone:
            continue
        for place, form in enumerate(forms):
            found = next((found for found in form.matches(edit, Ref(name), Found()) if name in found.inner), None)
            if found is None:
                continue
            tapped = read_elsewhere(edit, node, found.inner)
            if tapped is not None:
                edit.refuse(tapped, edit[tapped.name], node)
                continue
            yield node, place, found
            if edit[name] is not node:
                gone |= found.inner
                break


def read_elsewhere(edit: Edit, last: Node, inner: frozenset[str]) -> ReadElsewhere | None:
    """The first node inside of a match that something outside of it needs."""
    for name in edit.graph.nodes:
        node = edit[name]
        # A number is free wherever it stands.
        if name in inner and name != last.name and not isinstance(node.op, Constant):
            others = tuple(reader for reader in edit.others(node, last) if reader not in inner)
            if others:
                return ReadElsewhere(name, others)
    return None


def become(
    edit: Edit,
    last: Node,
    found: Found,
    op: Op,
    *inputs: Ref | None,
    weights: Mapping[str, Ref] | None = None,
    named: str | None = None,
) -> None:
    """Make an op of the last node of a match, and note it, by a name where the op that matters stands before it."""
    nodes = [edit[name] for name in edit.graph.nodes if name in found.inner]
    edit.become(last, op, *inputs, weights=weights, covers=nodes)
    edit.take(Recognized(named or op_text(op).removesuffix("()"), len(nodes)), *nodes)


def _assigned(
    edit: Edit, patterns: Sequence[tuple[Pattern, float]], parts: Sequence[Term], found: Found
) -> Iterator[Found]:
    """The ways to give each factor of a pattern one of the parts."""
    if not patterns:
        yield found
        return
    (pattern, exponent), *rest = patterns
    for place, part in enumerate(parts):
        if part.times == exponent:
            for held in pattern.matches(edit, part.ref, found):
                yield from _assigned(edit, rest, (*parts[:place], *parts[place + 1 :]), held)


def _added(edit: Edit, patterns: Sequence[Product], parts: Sequence[Term], found: Found) -> Iterator[Found]:
    if not patterns:
        yield found
        return
    first, *rest = patterns
    for place, part in enumerate(parts):
        for held in first.signed(edit, part.ref, part.times, found):
            yield from _added(edit, rest, (*parts[:place], *parts[place + 1 :]), held)


def _product(of: Pattern | Number | float) -> Product:
    if isinstance(of, Product):
        return of
    return Product(1.0, ((of, 1.0),)) if isinstance(of, Pattern) else Product(of, ())


def _total(of: Pattern | Number | float) -> Total:
    if isinstance(of, Total):
        return of
    return Total(0.0, (_product(of),)) if isinstance(of, Pattern) else Total(of, ())


def _last_alone(op: Reduction, types: tuple[Type | None, ...]) -> bool:
    (x,) = types
    return x is not None and x.rank > 0 and op.axes(x.rank) == (x.rank - 1,)


def _adds_last(op: Index, types: tuple[Type | None, ...]) -> bool:
    """Whether an index only adds an axis at the end."""
    *before, last = op.items
    (x,) = types
    return x is not None and last == "none" and (before == ["..."] or before == [(None, None, None)] * x.rank)


def mean_of_rows(of: Pattern) -> Pattern:
    """The mean along the last axis, which stays: an op, or a sum times the number `share`, which has to be one n-th."""
    return Either((along_rows(Mean, of), along_rows(Sum, of, Number("share"))))


def is_share(found: Found, count: object) -> bool:
    """Whether the number that sums are multiplied with makes means of them."""
    share = found.numbers.get("share")
    return share is None or (isinstance(count, int) and isclose(share * count, 1, rel_tol=CLOSE))

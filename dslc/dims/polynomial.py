"""Exact arithmetic of tensor sizes: ints, and polynomials over named dimensions.

A `Dim` is a sum of integer multiples of monomials over one positive int. A monomial maps atoms to exponents, negative
ones below the fraction line. An atom is a name, a `Floor`, or (only below the line) a polynomial of several terms.
Names stand for ints >= 1, and a quotient written with `/` is taken at its word: it divides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from math import gcd, lcm
from typing import TypeAlias

MOST_TERMS = 200
MOST_BITS = 4096
REMEMBERED = 4096  # A file of thousands of layers asks the same few questions about sizes again and again.


class NotDivisible(ValueError):
    """The size `a` is not a multiple of the size `b`."""

    def __init__(self, a: Size, b: Size) -> None:
        super().__init__(a, b)
        self.a, self.b = a, b


class TooLarge(ValueError):
    """A size has more terms or longer ints than any tensor needs."""


@dataclass(frozen=True, slots=True, repr=False)
class Dim:
    """A size that is not constant, in canonical form: `terms` in a fixed order over the positive int `den`."""

    terms: tuple[Term, ...]
    den: int = 1

    def __add__(self, other: Size) -> Size:
        return whole(add(self, other))

    __radd__ = __add__

    def __sub__(self, other: Size) -> Size:
        return whole(add(self, other, -1))

    def __rsub__(self, other: Size) -> Size:
        return whole(add(other, self, -1))

    def __mul__(self, other: Size) -> Size:
        return whole(product(self, other))

    __rmul__ = __mul__

    def __neg__(self) -> Size:
        return product(self, -1)

    def __pow__(self, exponent: int) -> Size:
        return power(self, exponent)

    def __floordiv__(self, other: Size) -> Size:
        return floor_div(self, other)

    def __rfloordiv__(self, other: int) -> Size:
        return floor_div(other, self)

    def __truediv__(self, other: Size) -> Size:
        return exact_div(self, other)

    def __rtruediv__(self, other: int) -> Size:
        return exact_div(other, self)

    def __str__(self) -> str:
        from dslc.dims.text import text_of  # noqa: PLC0415  # which reads the parts of a size

        return text_of(self)

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Floor:
    """The atom `num // den`."""

    num: Size
    den: Size

    def __str__(self) -> str:
        from dslc.dims.text import grouped  # noqa: PLC0415  # as above

        return f"{grouped(str(self.num), ' + ', ' - ')} // {grouped(str(self.den), ' ')}"


Size = int | Dim
Atom: TypeAlias = str | Floor | Dim
Monomial: TypeAlias = tuple[tuple[Atom, int], ...]
Term: TypeAlias = tuple[Monomial, int]
Terms: TypeAlias = dict[Monomial, int]


@cache
def dim(name: str) -> Dim:
    """The size called `name`."""
    return Dim(((((name, 1),), 1),))


def floor_div(a: Size, b: Size) -> Size:
    """The quotient rounded down, with every whole part outside of the rounding.

    Raises:
        NotDivisible: when `b` is zero.
    """
    if isinstance(a, int) and isinstance(b, int) and b:
        return a // b
    ratio = _ratio(a, b)
    if isinstance(ratio, int):
        return ratio
    whole = {monomial: count // ratio.den for monomial, count in ratio.terms if _is_plain(monomial)}
    rest = {monomial: count - ratio.den * whole.get(monomial, 0) for monomial, count in ratio.terms}
    return _made(whole) + _floor(_made(rest, ratio.den))


def ceil_div(a: Size, b: Size) -> Size:
    """The quotient rounded up."""
    return floor_div(a + b - 1, b)


def exact_div(a: Size, b: Size) -> Size:
    """The quotient of sizes that divide.

    Raises:
        NotDivisible: when they certainly do not divide.
    """
    if isinstance(a, int) and isinstance(b, int) and b and a % b == 0:
        return a // b
    ratio = _ratio(a, b)
    if not _may_be_whole(ratio):
        raise NotDivisible(a, b)
    return ratio


def symbols(size: Size) -> frozenset[str]:
    """The names that the size depends on."""
    names: set[str] = set()
    for atom in atoms_of(size):
        match atom:
            case str():
                names.add(atom)
            case Floor(num, den):
                names |= symbols(num) | symbols(den)
            case Dim():
                names |= symbols(atom)
    return frozenset(names)


# Rational arithmetic: like that of `Dim`, but a value need not be whole, so that floors can be taken of it.


def terms_of(size: Size) -> tuple[Terms, int]:
    if isinstance(size, int):
        return {(): size}, 1
    if not isinstance(size, Dim):  # pyright: ignore[reportUnnecessaryIsInstance]  # a sum of settings may bring a float
        raise TypeError
    return dict(size.terms), size.den


def collected(terms: Iterable[Term]) -> Terms:
    """One term for each monomial."""
    total: Terms = {}
    for monomial, count in terms:
        total[monomial] = total.get(monomial, 0) + count
    return {monomial: count for monomial, count in total.items() if count}


def _made(terms: Terms, den: int = 1) -> Size:
    """The canonical size, an int where it is one."""
    terms = _cancelled({monomial: count for monomial, count in terms.items() if count})
    shared = gcd(den, *terms.values())
    if len(terms) > MOST_TERMS or any(count.bit_length() > MOST_BITS for count in (den, *terms.values())):
        raise TooLarge
    if den == shared and terms.keys() <= {()}:
        return terms.get((), 0) // den
    return Dim(_ordered({monomial: count // shared for monomial, count in terms.items()}), den // shared)


def _ordered(terms: Terms) -> tuple[Term, ...]:
    return tuple(sorted(terms.items(), key=_term_order))


def add(a: Size, b: Size, sign: int = 1) -> Size:
    (left, left_den), (right, right_den) = terms_of(a), terms_of(b)
    den = lcm(left_den, right_den)
    scaled = [(monomial, count * (den // left_den)) for monomial, count in left.items()]
    scaled += [(monomial, sign * count * (den // right_den)) for monomial, count in right.items()]
    return _made(collected(scaled), den)


@lru_cache(REMEMBERED)
def product(a: Size, b: Size) -> Size:
    (left, left_den), (right, right_den) = terms_of(a), terms_of(b)
    return _made(multiplied(left, right), left_den * right_den)


def multiplied(left: Terms, right: Terms) -> Terms:
    return collected((_times(m, n), c * d) for m, c in left.items() for n, d in right.items())


def power(base: Size, exponent: int) -> Size:
    if exponent < 0:
        raise ValueError("a size has no negative powers")
    numbers = [base] if isinstance(base, int) else [2, base.den, *(count for _, count in base.terms)]
    if (max(number.bit_length() for number in numbers) - 1) * exponent > MOST_BITS:
        raise TooLarge
    if isinstance(base, int):
        return bounded(base**exponent)
    if len(base.terms) == 1:
        ((monomial, count),) = base.terms
        return _made({_raised(monomial, exponent): count**exponent}, base.den**exponent)
    return reduce(product, [base] * exponent, 1)


@lru_cache(REMEMBERED)
def _ratio(a: Size, b: Size) -> Size:
    num, den = cleared(b)
    if num == 0:
        raise NotDivisible(a, b)
    terms, _ = terms_of(num)
    content = gcd(*terms.values()) * (1 if next(iter(terms.values())) > 0 else -1)
    below = reduce(_common, terms)
    core = {_times(monomial, _raised(below, -1)): count // content for monomial, count in terms.items()}
    above, above_den = terms_of(product(a, den))
    if len(core) > 1:
        divided = _divided(above, core) if all(map(_is_plain, above)) else None
        above = above if divided is None else divided
        below = below if divided is not None else _times(below, ((Dim(_ordered(core)), 1),))
    inverse: Terms = {_raised(below, -1): 1 if content > 0 else -1}
    return _made(multiplied(above, inverse), above_den * abs(content))


def cleared(size: Size) -> tuple[Size, Size]:
    """Numerator and denominator without quotients."""
    if isinstance(size, int) or (size.den == 1 and all(_is_plain(monomial) for monomial, _ in size.terms)):
        return size, 1
    terms, den = terms_of(size)
    depth: dict[Atom, int] = {}
    for atom, exponent in (power for monomial in terms for power in monomial if power[1] < 0):
        depth[atom] = max(depth.get(atom, 0), -exponent)
    below = _sorted(depth)
    return _made({_times(monomial, below): count for monomial, count in terms.items()}), _made({below: den})


@lru_cache(REMEMBERED)
def _floor(ratio: Size) -> Size:
    num, den = cleared(ratio)
    if isinstance(num, int) and isinstance(den, int):
        return num // den
    if isinstance(den, int):
        single = (monomial[0][0] for monomial, count in terms_of(num)[0].items() if is_lone(monomial) and count == 1)
        inner = next((atom for atom in single if isinstance(atom, Floor)), None)
        if inner:  # (x // a + k) // b is (x + k * a) // (a * b), for whole k and b > 0.
            outside = add(num, _made({((inner, 1),): 1}), -1)
            return floor_div(add(inner.num, product(outside, inner.den)), product(inner.den, den))
    elif _ratio(num, den) != ratio:  # Over one denominator more may cancel.
        return floor_div(num, den)
    elif _is_below(num, den):
        return 0
    return _made({((Floor(num, den), 1),): 1})


def _is_below(num: Size, den: Size) -> bool:
    """Whether `0 <= num < den` for certain."""
    from dslc.dims.bounds import surely_less  # noqa: PLC0415  # bounds are those of what is made here

    return surely_less(num, den) and surely_less(0, num, margin=1)


def whole(size: Size) -> Size:
    if not _may_be_whole(size):
        raise NotDivisible(*cleared(size))
    return size


def _may_be_whole(size: Size) -> bool:
    """Whether some values of the names could make the size an int."""
    if isinstance(size, int) or size.den == 1 or not all(_is_plain(monomial) for monomial, _ in size.terms):
        return True
    terms = dict(size.terms)
    constant = terms.pop((), 0)
    return constant % gcd(size.den, *terms.values()) == 0


def bounded(size: Size) -> Size:
    if isinstance(size, int) and size.bit_length() > MOST_BITS:
        raise TooLarge
    return size


# Monomials, and the one order of terms that makes equal sizes equal objects.


def atoms_of(size: Size) -> list[Atom]:
    return [atom for monomial in terms_of(size)[0] for atom, _ in monomial]


def _is_plain(monomial: Monomial) -> bool:
    return all(exponent > 0 for _, exponent in monomial)


def is_lone(monomial: Monomial) -> bool:
    return len(monomial) == 1 and monomial[0][1] == 1


def _times(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    powers = dict(a)
    for atom, exponent in b:
        powers[atom] = powers.get(atom, 0) + exponent
    return _sorted(powers)


def below_line(monomial: Monomial) -> Monomial:
    """What stands below the fraction line."""
    return tuple((atom, -exponent) for atom, exponent in monomial if exponent < 0)


def _raised(monomial: Monomial, exponent: int) -> Monomial:
    return tuple((atom, power * exponent) for atom, power in monomial) if exponent else ()


def _common(a: Monomial, b: Monomial) -> Monomial:
    """The greatest common divisor."""
    other = dict(b)
    return tuple((atom, min(exponent, other[atom])) for atom, exponent in a if atom in other)


def _sorted(powers: dict[Atom, int]) -> Monomial:
    return tuple(sorted(((atom, power) for atom, power in powers.items() if power), key=_atom_order))


def _atom_order(power: tuple[Atom, int]) -> tuple[bool, str]:
    return not isinstance(power[0], str), str(power[0])


def _term_order(term: Term) -> tuple[int, list[tuple[tuple[bool, str], int]]]:
    """Highest degree first, then by name: a graded order, as division of polynomials needs."""
    degree = sum(exponent for _, exponent in term[0])
    return -degree, [(_atom_order(power), -power[1]) for power in term[0]]


# Polynomials below the fraction line.


def _cancelled(terms: Terms) -> Terms:
    """The terms with no polynomial left to multiply by, and none left that divides what stands above it."""
    for monomial in terms:
        for atom, exponent in monomial:
            if isinstance(atom, Dim):
                below = below_line(monomial)
                group = {m: count for m, count in terms.items() if (atom, exponent) in m and below_line(m) == below}
                above = {tuple(power for power in m if power[0] != atom): count for m, count in group.items()}
                change = _divided if exponent < 0 else multiplied
                changed = change(above, dict(atom.terms))
                if changed is not None:
                    left = _sorted({atom: exponent + (1 if exponent < 0 else -1)})
                    rest = [term for term in terms.items() if term[0] not in group]
                    return _cancelled(collected(rest + [(_times(m, left), count) for m, count in changed.items()]))
    return terms


def _divided(terms: Terms, divisor: Terms) -> Terms | None:
    """The quotient of polynomials, or None where something remains."""
    lead, lead_count = min(divisor.items(), key=_term_order)
    quotient: Terms = {}
    while terms and len(quotient) <= MOST_TERMS:
        monomial, count = min(terms.items(), key=_term_order)
        powers = dict(monomial)
        if count % lead_count or any(powers.get(atom, 0) < exponent for atom, exponent in lead):
            return None
        factor = {_times(monomial, _raised(lead, -1)): count // lead_count}
        quotient = collected([*quotient.items(), *factor.items()])
        terms = collected([*terms.items(), *((m, -c) for m, c in multiplied(factor, divisor).items())])
    return None if terms else quotient

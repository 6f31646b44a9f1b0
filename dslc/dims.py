"""Exact arithmetic of tensor sizes: ints, and polynomials over named dimensions.

A `Dim` is a sum of integer multiples of monomials over one positive int. A monomial maps atoms to exponents, negative
ones below the fraction line. An atom is a name, a `Floor`, or (only below the line) a polynomial of several terms.
Names stand for ints >= 1, and a quotient written with `/` is taken at its word: it divides.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from math import gcd, lcm
from typing import TypeAlias

MOST_TERMS = 200
MOST_BITS = 4096
REMEMBERED = 4096  # A file of thousands of layers asks the same few questions about sizes again and again.


class NotDivisible(ValueError):
    """The size `a` is not a multiple of the size `b`."""

    def __init__(self, a: Size, b: Size):
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
        return _whole(_sum(self, other))

    __radd__ = __add__

    def __sub__(self, other: Size) -> Size:
        return _whole(_sum(self, other, -1))

    def __rsub__(self, other: Size) -> Size:
        return _whole(_sum(other, self, -1))

    def __mul__(self, other: Size) -> Size:
        return _whole(_product(self, other))

    __rmul__ = __mul__

    def __neg__(self) -> Size:
        return _product(self, -1)

    def __pow__(self, exponent: int) -> Size:
        return _power(self, exponent)

    def __floordiv__(self, other: Size) -> Size:
        return floor_div(self, other)

    def __rfloordiv__(self, other: int) -> Size:
        return floor_div(other, self)

    def __truediv__(self, other: Size) -> Size:
        return exact_div(self, other)

    def __rtruediv__(self, other: int) -> Size:
        return exact_div(other, self)

    def __str__(self) -> str:
        return _text(self)

    __repr__ = __str__


@dataclass(frozen=True, slots=True)
class Floor:
    """The atom `num // den`."""

    num: Size
    den: Size

    def __str__(self) -> str:
        return f"{_grouped(str(self.num), ' + ', ' - ')} // {_grouped(str(self.den), ' ')}"


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


def remainder(a: Size, b: Size) -> Size | None:
    """What `floor_div` leaves, or None when that is not known.

    Raises:
        NotDivisible: when `b` is zero.
    """
    quotient = floor_div(a, b)
    rest = a - quotient * b
    return rest if isinstance(rest, int) or not any(isinstance(atom, Floor) for atom in _atoms(quotient)) else None


def same(a: Size, b: Size) -> bool | None:
    """Whether the sizes are equal: always (True), never (False), or not known (None)."""
    if a == b or (isinstance(a, int) and isinstance(b, int)):
        return a == b
    if _surely_less(a, b) or _surely_less(b, a):
        return False
    # A sum of several quotients has no single canonical form, its numerator has.
    return _cleared(_sum(a, b, -1))[0] == 0 or None


def less(a: Size, b: Size) -> bool | None:
    """Whether `a < b`: always (True), never (False), or not known (None)."""
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    if _surely_less(a, b):
        return True
    return False if _surely_less(b, a, margin=1) else None


def less_equal(a: Size, b: Size) -> bool | None:
    """Whether `a <= b`: always (True), never (False), or not known (None)."""
    greater = less(b, a)
    return None if greater is None else not greater


def maximum(*sizes: Size) -> Size | None:
    """The largest of the sizes, or None when that is not known."""
    return next((top for top in sizes if all(less_equal(size, top) for size in sizes)), None)


def minimum(*sizes: Size) -> Size | None:
    """The smallest of the sizes, or None when that is not known."""
    return next((low for low in sizes if all(less_equal(low, size) for size in sizes)), None)


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with values in place of names.

    Raises:
        NotDivisible: when a quotient does not divide with these values.
    """
    if isinstance(size, int) or symbols(size).isdisjoint(values):
        return size
    num, den = _cleared(size)
    top = _replaced(num, values)
    return top if den == 1 else exact_div(top, _replaced(den, values))


def symbols(size: Size) -> frozenset[str]:
    """The names that the size depends on."""
    names: set[str] = set()
    for atom in _atoms(size):
        match atom:
            case str():
                names.add(atom)
            case Floor(num, den):
                names |= symbols(num) | symbols(den)
            case Dim():
                names |= symbols(atom)
    return frozenset(names)


def parse_size(text: str) -> Size:
    """Read a size as `str` writes it.

    Raises:
        ValueError: when the text is not a size.
    """
    if not re.fullmatch(r"[\w\s+*/()-]+", text):
        raise ValueError(f"not a size: {text}")
    # The underscore keeps Python's keywords usable as names.
    source = re.sub(r"\b(?=[^\W\d])", "_", " ".join(text.split()))
    try:
        return _evaluated(ast.parse(source, mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as problem:
        raise ValueError(f"not a size: {text}") from problem


_OPERATIONS: dict[type[ast.operator], Callable[[Size, Size], Size]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: exact_div,
    ast.FloorDiv: floor_div,
}


def _evaluated(node: ast.expr) -> Size:
    match node:
        case ast.Constant(value=int(value)):
            return _bounded(value)
        case ast.Name(id=name):
            return dim(name[1:])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(exponent))):
            return _power(_evaluated(left), exponent)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATIONS:
            return _bounded(_OPERATIONS[type(operator)](_evaluated(left), _evaluated(right)))
        case _:
            raise ValueError(f"not arithmetic of sizes: {ast.unparse(node)}")


# Rational arithmetic: like that of `Dim`, but a value need not be whole, so that floors can be taken of it.


def _terms(size: Size) -> tuple[Terms, int]:
    return ({(): size}, 1) if isinstance(size, int) else (dict(size.terms), size.den)


def _collected(terms: Iterable[Term]) -> Terms:
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


def _sum(a: Size, b: Size, sign: int = 1) -> Size:
    (left, left_den), (right, right_den) = _terms(a), _terms(b)
    den = lcm(left_den, right_den)
    scaled = [(monomial, count * (den // left_den)) for monomial, count in left.items()]
    scaled += [(monomial, sign * count * (den // right_den)) for monomial, count in right.items()]
    return _made(_collected(scaled), den)


@lru_cache(REMEMBERED)
def _product(a: Size, b: Size) -> Size:
    (left, left_den), (right, right_den) = _terms(a), _terms(b)
    return _made(_multiplied(left, right), left_den * right_den)


def _multiplied(left: Terms, right: Terms) -> Terms:
    return _collected((_times(m, n), c * d) for m, c in left.items() for n, d in right.items())


def _power(base: Size, exponent: int) -> Size:
    if exponent < 0:
        raise ValueError("a size has no negative powers")
    numbers = [base] if isinstance(base, int) else [2, base.den, *(count for _, count in base.terms)]
    if (max(number.bit_length() for number in numbers) - 1) * exponent > MOST_BITS:
        raise TooLarge
    if isinstance(base, int):
        return _bounded(base**exponent)
    if len(base.terms) == 1:
        ((monomial, count),) = base.terms
        return _made({_raised(monomial, exponent): count**exponent}, base.den**exponent)
    return reduce(_product, [base] * exponent, 1)


@lru_cache(REMEMBERED)
def _ratio(a: Size, b: Size) -> Size:
    num, den = _cleared(b)
    if num == 0:
        raise NotDivisible(a, b)
    terms, _ = _terms(num)
    content = gcd(*terms.values()) * (1 if next(iter(terms.values())) > 0 else -1)
    below = reduce(_common, terms)
    core = {_times(monomial, _raised(below, -1)): count // content for monomial, count in terms.items()}
    above, above_den = _terms(_product(a, den))
    if len(core) > 1:
        divided = _divided(above, core) if all(map(_is_plain, above)) else None
        above = above if divided is None else divided
        below = below if divided is not None else _times(below, ((Dim(_ordered(core)), 1),))
    inverse: Terms = {_raised(below, -1): 1 if content > 0 else -1}
    return _made(_multiplied(above, inverse), above_den * abs(content))


def _cleared(size: Size) -> tuple[Size, Size]:
    """Numerator and denominator without quotients."""
    if isinstance(size, int) or (size.den == 1 and all(_is_plain(monomial) for monomial, _ in size.terms)):
        return size, 1
    terms, den = _terms(size)
    depth: dict[Atom, int] = {}
    for atom, exponent in (power for monomial in terms for power in monomial if power[1] < 0):
        depth[atom] = max(depth.get(atom, 0), -exponent)
    below = _sorted(depth)
    return _made({_times(monomial, below): count for monomial, count in terms.items()}), _made({below: den})


@lru_cache(REMEMBERED)
def _floor(ratio: Size) -> Size:
    num, den = _cleared(ratio)
    if isinstance(num, int) and isinstance(den, int):
        return num // den
    if isinstance(den, int):
        single = (monomial[0][0] for monomial, count in _terms(num)[0].items() if _is_lone(monomial) and count == 1)
        inner = next((atom for atom in single if isinstance(atom, Floor)), None)
        if inner:  # (x // a + k) // b is (x + k * a) // (a * b), for whole k and b > 0.
            outside = _sum(num, _made({((inner, 1),): 1}), -1)
            return floor_div(_sum(inner.num, _product(outside, inner.den)), _product(inner.den, den))
    elif _ratio(num, den) != ratio:  # Over one denominator more may cancel.
        return floor_div(num, den)
    elif _surely_less(num, den) and _surely_less(0, num, margin=1):
        return 0
    return _made({((Floor(num, den), 1),): 1})


def _whole(size: Size) -> Size:
    if not _may_be_whole(size):
        raise NotDivisible(*_cleared(size))
    return size


def _may_be_whole(size: Size) -> bool:
    """Whether some values of the names could make the size an int."""
    if isinstance(size, int) or size.den == 1 or not all(_is_plain(monomial) for monomial, _ in size.terms):
        return True
    terms = dict(size.terms)
    constant = terms.pop((), 0)
    return constant % gcd(size.den, *terms.values()) == 0


def _bounded(size: Size) -> Size:
    if isinstance(size, int) and size.bit_length() > MOST_BITS:
        raise TooLarge
    return size


def _replaced(size: Size, values: Mapping[str, Size]) -> Size:
    """A size without quotients, with values in place of names."""
    total: Size = 0
    for monomial, count in _terms(size)[0].items():
        powers = (_power(_atom_value(atom, values), exponent) for atom, exponent in monomial)
        total = _sum(total, reduce(_product, powers, count))
    return _bounded(_whole(total))


def _atom_value(atom: Atom, values: Mapping[str, Size]) -> Size:
    match atom:
        case str():
            return values[atom] if atom in values else dim(atom)
        case Floor(num, den):
            return floor_div(substitute(num, values), substitute(den, values))
        case Dim():
            return substitute(atom, values)


# Monomials, and the one order of terms that makes equal sizes equal objects.


def _atoms(size: Size) -> list[Atom]:
    return [atom for monomial in _terms(size)[0] for atom, _ in monomial]


def _is_plain(monomial: Monomial) -> bool:
    return all(exponent > 0 for _, exponent in monomial)


def _is_lone(monomial: Monomial) -> bool:
    return len(monomial) == 1 and monomial[0][1] == 1


def _times(a: Monomial, b: Monomial) -> Monomial:
    if not a or not b:
        return a or b
    powers = dict(a)
    for atom, exponent in b:
        powers[atom] = powers.get(atom, 0) + exponent
    return _sorted(powers)


def _below(monomial: Monomial) -> Monomial:
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
                below = _below(monomial)
                group = {m: count for m, count in terms.items() if (atom, exponent) in m and _below(m) == below}
                above = {tuple(power for power in m if power[0] != atom): count for m, count in group.items()}
                change = _divided if exponent < 0 else _multiplied
                changed = change(above, dict(atom.terms))
                if changed is not None:
                    left = _sorted({atom: exponent + (1 if exponent < 0 else -1)})
                    rest = [term for term in terms.items() if term[0] not in group]
                    return _cancelled(_collected(rest + [(_times(m, left), count) for m, count in changed.items()]))
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
        quotient = _collected([*quotient.items(), *factor.items()])
        terms = _collected([*terms.items(), *((m, -c) for m, c in _multiplied(factor, divisor).items())])
    return None if terms else quotient


# Bounds, for all values >= 1 of the names.


@lru_cache(REMEMBERED)
def _surely_less(a: Size, b: Size, margin: int = 0) -> bool:
    """Whether `a < b + margin` for certain."""
    try:
        return _is_positive(_sum(_sum(b, margin), a, -1))
    except TooLarge:
        return False


def _is_positive(size: Size) -> bool:
    num, den = _cleared(size)
    if isinstance(den, Dim) and not _is_positive(den):
        return False
    return (_lower_bound(num) or 0) > 0


def _lower_bound(size: Size) -> int | None:
    """What a size without quotients is never below: each atom is its least value and more, and more must not hurt."""
    total: Terms = {}
    for monomial, count in _terms(size)[0].items():
        part: Terms = {(): count}
        for atom, exponent in monomial:
            least = _least(atom)
            if least is None or len(part) * (exponent + 1) > MOST_TERMS:
                return None
            for _ in range(exponent):
                part = _multiplied(part, {((atom, 1),): 1, (): least})
        total = _collected([*total.items(), *part.items()])
    constant = total.pop((), 0)
    return constant if all(count > 0 for count in total.values()) else None


def _least(atom: Atom) -> int | None:
    """The least value of an atom, where that is known not to be negative."""
    if not isinstance(atom, Floor):
        return 1 if isinstance(atom, str) else None
    if isinstance(atom.den, Dim):
        return 0 if _is_positive(atom.den) and _surely_less(0, atom.num, margin=1) else None
    least = _lower_bound(atom.num)
    return None if least is None or least < 0 else least // atom.den


# Text.


def _text(size: Dim) -> str:
    """Terms over the same denominator stand together."""
    groups: dict[Monomial, list[Term]] = {}
    for monomial, count in size.terms:
        above = tuple(power for power in monomial if power[1] > 0)
        groups.setdefault(_below(monomial), []).append((above, count))
    sums = [_over(_sum_text(terms), below) for below, terms in groups.items()]
    text = " + ".join(sums)
    return text if size.den == 1 else f"{_grouped(text, ' + ', ' - ', ' // ')} / {size.den}"


def _sum_text(terms: list[Term]) -> str:
    """Products joined by signs, a positive one first where there is one."""
    first, *others = sorted(terms, key=lambda term: term[1] < 0)
    text = _product_text(*first)
    for monomial, count in others:
        text += f" {'+' if count > 0 else '-'} {_product_text(monomial, abs(count))}"
    return text


def _product_text(monomial: Monomial, count: int) -> str:
    if _is_lone(monomial) and count == 1:
        return str(monomial[0][0])
    sign = "-" if count < 0 and monomial else ""
    numbers = [] if monomial and abs(count) == 1 else [str(abs(count) if sign else count)]
    return sign + " * ".join(numbers + [_power_text(atom, exponent) for atom, exponent in monomial])


def _power_text(atom: Atom, exponent: int) -> str:
    base = atom if isinstance(atom, str) else f"({atom})"
    return base if exponent == 1 else f"{base} ** {exponent}"


def _over(text: str, below: Monomial) -> str:
    top = _grouped(text, " + ", " - ", " // ") if below else text
    # Only a name keeps its power: that of a polynomial would be multiplied out when it is read.
    for atom, power in below:
        top += f" / {_power_text(atom, power)}" if isinstance(atom, str) else f" / ({atom})" * power
    return top


def _grouped(text: str, *signs: str) -> str:
    return f"({text})" if any(sign in text for sign in signs) else text

"""What is certain of sizes for all values of their names, each an int of at least 1."""

from __future__ import annotations

from functools import lru_cache

from dslc.dims.polynomial import (
    MOST_TERMS,
    REMEMBERED,
    Atom,
    Dim,
    Floor,
    Size,
    Terms,
    TooLarge,
    add,
    atoms_of,
    cleared,
    collected,
    floor_div,
    multiplied,
    terms_of,
)


def remainder(a: Size, b: Size) -> Size | None:
    """What `floor_div` leaves, or None when that is not known.

    Raises:
        NotDivisible: when `b` is zero.
    """
    quotient = floor_div(a, b)
    rest = a - quotient * b
    return rest if isinstance(rest, int) or not any(isinstance(atom, Floor) for atom in atoms_of(quotient)) else None


def same(a: Size, b: Size) -> bool | None:
    """Whether the sizes are equal: always (True), never (False), or not known (None)."""
    if a == b or (isinstance(a, int) and isinstance(b, int)):
        return a == b
    if surely_less(a, b) or surely_less(b, a):
        return False
    # A sum of several quotients has no single canonical form, its numerator has.
    return cleared(add(a, b, -1))[0] == 0 or None


def less(a: Size, b: Size) -> bool | None:
    """Whether `a < b`: always (True), never (False), or not known (None)."""
    if isinstance(a, int) and isinstance(b, int):
        return a < b
    if surely_less(a, b):
        return True
    return False if surely_less(b, a, margin=1) else None


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


@lru_cache(REMEMBERED)
def surely_less(a: Size, b: Size, margin: int = 0) -> bool:
    """Whether `a < b + margin` for certain."""
    try:
        return _is_positive(add(add(b, margin), a, -1))
    except TooLarge:
        return False


def _is_positive(size: Size) -> bool:
    num, den = cleared(size)
    if isinstance(den, Dim) and not _is_positive(den):
        return False
    return (_lower_bound(num) or 0) > 0


def _lower_bound(size: Size) -> int | None:
    """What a size without quotients is never below: each atom is its least value and more, and more must not hurt."""
    total: Terms = {}
    for monomial, count in terms_of(size)[0].items():
        part: Terms = {(): count}
        for atom, exponent in monomial:
            least = _least(atom)
            if least is None or len(part) * (exponent + 1) > MOST_TERMS:
                return None
            for _ in range(exponent):
                part = multiplied(part, {((atom, 1),): 1, (): least})
        total = collected([*total.items(), *part.items()])
    constant = total.pop((), 0)
    return constant if all(count > 0 for count in total.values()) else None


def _least(atom: Atom) -> int | None:
    """The least value of an atom, where that is known not to be negative."""
    if not isinstance(atom, Floor):
        return 1 if isinstance(atom, str) else None
    if isinstance(atom.den, Dim):
        return 0 if _is_positive(atom.den) and surely_less(0, atom.num, margin=1) else None
    least = _lower_bound(atom.num)
    return None if least is None or least < 0 else least // atom.den

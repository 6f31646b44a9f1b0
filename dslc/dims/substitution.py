"""Sizes with values in place of names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from dslc.dims.polynomial import (
    Atom,
    Dim,
    Floor,
    Size,
    add,
    bounded,
    cleared,
    dim,
    exact_div,
    floor_div,
    power,
    product,
    symbols,
    terms_of,
    whole,
)


def substitute(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with values in place of names.

    Raises:
        NotDivisible: when a quotient does not divide with these values.
    """
    if isinstance(size, int) or symbols(size).isdisjoint(values):
        return size
    num, den = cleared(size)
    top = _replaced(num, values)
    return top if den == 1 else exact_div(top, _replaced(den, values))


def _replaced(size: Size, values: Mapping[str, Size]) -> Size:
    """A size without quotients, with values in place of names."""
    total: Size = 0
    for monomial, count in terms_of(size)[0].items():
        powers = (power(_atom_value(atom, values), exponent) for atom, exponent in monomial)
        total = add(total, reduce(product, powers, count))
    return bounded(whole(total))


def _atom_value(atom: Atom, values: Mapping[str, Size]) -> Size:
    match atom:
        case str():
            return values[atom] if atom in values else dim(atom)
        case Floor(num, den):
            return floor_div(substitute(num, values), substitute(den, values))
        case Dim():
            return substitute(atom, values)

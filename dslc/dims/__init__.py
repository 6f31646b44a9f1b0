"""Exact arithmetic of tensor sizes: ints, and polynomials over named dimensions."""

from dslc.dims.bounds import less, less_equal, maximum, minimum, remainder, same
from dslc.dims.polynomial import (
    Dim,
    NotDivisible,
    Size,
    TooLarge,
    ceil_div,
    dim,
    exact_div,
    floor_div,
    symbols,
)
from dslc.dims.substitution import substitute
from dslc.dims.text import parse_size

__all__ = [
    "Dim", "NotDivisible", "Size", "TooLarge", "ceil_div", "dim", "exact_div", "floor_div", "less", "less_equal",
    "maximum", "minimum", "parse_size", "remainder", "same", "substitute", "symbols",
]  # fmt: skip

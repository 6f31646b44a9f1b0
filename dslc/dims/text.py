"""Sizes as text, and back."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from dslc.dims.polynomial import (
    Atom,
    Dim,
    Monomial,
    Size,
    Term,
    below_line,
    bounded,
    dim,
    exact_div,
    floor_div,
    is_lone,
    power,
)


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
            return bounded(value)
        case ast.Name(id=name):
            return dim(name[1:])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(exponent))):
            return power(_evaluated(left), exponent)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATIONS:
            return bounded(_OPERATIONS[type(operator)](_evaluated(left), _evaluated(right)))
        case _:
            raise ValueError(f"not arithmetic of sizes: {ast.unparse(node)}")


def text_of(size: Dim) -> str:
    """Terms over the same denominator stand together."""
    groups: dict[Monomial, list[Term]] = {}
    for monomial, count in size.terms:
        above = tuple(power for power in monomial if power[1] > 0)
        groups.setdefault(below_line(monomial), []).append((above, count))
    sums = [_over(_sum_text(terms), below) for below, terms in groups.items()]
    text = " + ".join(sums)
    return text if size.den == 1 else f"{grouped(text, ' + ', ' - ', ' // ')} / {size.den}"


def _sum_text(terms: list[Term]) -> str:
    """Products joined by signs, a positive one first where there is one."""
    first, *others = sorted(terms, key=lambda term: term[1] < 0)
    text = _product_text(*first)
    for monomial, count in others:
        text += f" {'+' if count > 0 else '-'} {_product_text(monomial, abs(count))}"
    return text


def _product_text(monomial: Monomial, count: int) -> str:
    if is_lone(monomial) and count == 1:
        return str(monomial[0][0])
    sign = "-" if count < 0 and monomial else ""
    numbers = [] if monomial and abs(count) == 1 else [str(abs(count) if sign else count)]
    return sign + " * ".join(numbers + [_power_text(atom, exponent) for atom, exponent in monomial])


def _power_text(atom: Atom, exponent: int) -> str:
    base = atom if isinstance(atom, str) else f"({atom})"
    return base if exponent == 1 else f"{base} ** {exponent}"


def _over(text: str, below: Monomial) -> str:
    top = grouped(text, " + ", " - ", " // ") if below else text
    # Only a name keeps its power: that of a polynomial would be multiplied out when it is read.
    for atom, exponent in below:
        top += f" / {_power_text(atom, exponent)}" if isinstance(atom, str) else f" / ({atom})" * exponent
    return top


def grouped(text: str, *signs: str) -> str:
    return f"({text})" if any(sign in text for sign in signs) else text

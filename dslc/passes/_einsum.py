"""The products of attention in the notation of einsum: which axes are heads, queries, keys and features."""

from dslc.ops.shape.einsum import DOTS, Einsum
from dslc.types import Type

Order = tuple[int, ...]


def of_scores(op: Einsum) -> tuple[Order, Order] | None:
    """How axes of queries and keys are put in order, `[..., query, width]` and `[..., key, width]`, for scores of both."""
    terms, out = op.terms()
    if len(terms) != 2 or len(out) < 2 or not _plain(*terms, out):
        return None
    (*leading, query, key), (q, k) = out, terms
    width = [name for name in q if name not in out]
    if len(width) != 1 or {*q} != {*leading, query, *width} or {*k} != {*leading, key, *width}:
        return None
    return _order(q, (*leading, query, *width)), _order(k, (*leading, key, *width))


def of_values(op: Einsum) -> tuple[Order, Order] | None:
    """How axes of the values are put in order, `[..., key, width]`, and how those of the result then become what it is."""
    terms, out = op.terms()
    if len(terms) != 2 or len(terms[0]) < 2 or not _plain(*terms, out):
        return None
    shares, v = terms
    *leading, query, key = shares
    width = [name for name in v if name not in shares]
    if len(width) != 1 or {*v} != {*leading, key, *width} or {*out} != {*leading, query, *width}:
        return None
    return _order(v, (*leading, key, *width)), _order((*leading, query, *width), out)


def makes_scores(op: Einsum, types: tuple[Type | None, ...]) -> bool:
    """Whether the product is one of queries and keys."""
    return of_scores(op) is not None


def gathers_values(op: Einsum, types: tuple[Type | None, ...]) -> bool:
    """Whether the product is one of shares and values."""
    return of_values(op) is not None


def _plain(*terms: tuple[str, ...]) -> bool:
    """Whether every axis has a name, once in each term."""
    return all(DOTS not in term and len({*term}) == len(term) for term in terms)


def _order(names: tuple[str, ...], wanted: tuple[str, ...]) -> Order:
    return tuple(names.index(name) for name in wanted)

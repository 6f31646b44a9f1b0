"""Arithmetic, comparisons and products of matrices."""

from functools import reduce
from typing import Any

from oracles.base import oracle, seen, torch

PAIRS = (("[3, 1, 5]", "[3, 1, 5]"), ("[2, 3, 1]", "[7]"), ("[1]", "[]"), ("[]", "[2, 5]"))
SAFE = tuple((a, f"+{b}") for a, b in PAIRS)
SEVERAL = (("[3, 4]", "[3, 1]", "[4]"), ("[1, 5]", "[7, 1]"), ("[]", "[1]"))
MATRICES = (
    ("[2, 3, 4]", "[4, 5]"), ("[2, 1, 3, 4]", "[6, 4, 5]"), ("[3, 4]", "[4]"), ("[4]", "[2, 4, 3]"), ("[4]", "[4]"),
    ("[1, 3]", "[3, 1]"), ("[2, 1, 7]", "[2, 7, 1]"),
)  # fmt: skip
TRUTHS = ((seen(3, 5), ~seen(3, 5)), (seen(2, 1, 4), seen(7, 1)))
COMPARISONS = {
    "equal": "eq", "not_equal": "ne", "less": "less", "less_equal": "less_equal", "greater": "greater",
    "greater_equal": "greater_equal",
}  # fmt: skip


def _compared(name: str) -> Any:
    # Some are equal: halves of a number round to the same tenth.
    return lambda a, b: getattr(torch, COMPARISONS[name])(a, b)


ORACLES = [
    oracle("add", "PyTorch `add`", lambda *xs: sum(xs), *SEVERAL),
    oracle("multiply", "PyTorch `mul`", lambda *xs: reduce(torch.mul, xs), *SEVERAL),
    oracle("maximum", "PyTorch `maximum`", lambda *xs: reduce(torch.maximum, xs), *SEVERAL),
    oracle("minimum", "PyTorch `minimum`", lambda *xs: reduce(torch.minimum, xs), *SEVERAL),
    oracle("logical_and", "PyTorch `logical_and`", lambda a, b: torch.logical_and(a, b), *TRUTHS),
    oracle("logical_or", "PyTorch `logical_or`", lambda a, b: torch.logical_or(a, b), *TRUTHS),
    oracle("logical_not", "PyTorch `logical_not`", lambda x: torch.logical_not(x), seen(3, 5), seen(1)),
    oracle("mean_of", "PyTorch `add`", lambda *xs: sum(xs) / len(xs), *SEVERAL),
    oracle("subtract", "PyTorch `sub`", lambda a, b: a - b, *PAIRS),
    oracle("divide", "PyTorch `div`", lambda a, b: a / b, *SAFE),
    oracle("floor_divide", "PyTorch `floor_divide`", lambda a, b: torch.floor_divide(a.detach(), b.detach()), *SAFE),
    oracle("remainder", "PyTorch `remainder`", lambda a, b: torch.remainder(a, b), *SAFE),
    oracle("power", "PyTorch `pow`", lambda a, b: torch.pow(a, b), *((f"+{a}", b) for a, b in PAIRS)),
    oracle("negative", "PyTorch `neg`", lambda x: -x, "[3, 1]", "[]"),
    oracle("matmul", "PyTorch `matmul`", lambda a, b: torch.matmul(a, b), *MATRICES),
    *(oracle(name, f"PyTorch `{COMPARISONS[name]}`", _compared(name), *PAIRS) for name in COMPARISONS),
]

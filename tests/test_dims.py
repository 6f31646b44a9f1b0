"""Sizes: algebra against plain ints, one form for equal sizes, text that reads back, comparisons never wrong."""

import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dslc.dims import (
    Dim,
    NotDivisible,
    Size,
    TooLarge,
    ceil_div,
    dim,
    exact_div,
    floor_div,
    less,
    less_equal,
    maximum,
    minimum,
    parse_size,
    remainder,
    same,
    substitute,
    symbols,
)

batch, h, w, d, n = (dim(name) for name in ("batch", "h", "w", "d", "n"))

# An expression is an int, a name, or (operator, left, right): the plain form that both evaluations read.
Expression = int | str | tuple[str, "Expression", "Expression"]
leaves = st.integers(1, 9) | st.sampled_from(["h", "w", "d"])
values = st.fixed_dictionaries({name: st.integers(1, 12) for name in ("h", "w", "d")})


def trees(operators: str, depth: int = 8) -> st.SearchStrategy[Expression]:
    return st.recursive(
        leaves, lambda below: st.tuples(st.sampled_from(list(operators)), below, below), max_leaves=depth
    )


def plain(tree: Expression, at: Mapping[str, int]) -> int:
    """The value by Python's own ints; a quotient that does not divide, or a zero divisor, is no example."""
    if not isinstance(tree, tuple):
        return at[tree] if isinstance(tree, str) else tree
    operator, a, b = tree[0], plain(tree[1], at), plain(tree[2], at)
    assume(operator not in "/:" or b != 0)
    assume(operator != ":" or a % b == 0)
    return {"+": a + b, "-": a - b, "*": a * b}.get(operator, a // (b or 1))


def symbolic(tree: Expression) -> Size:
    """The same in sizes; `/` rounds down and `:` is exact."""
    if not isinstance(tree, tuple):
        return dim(tree) if isinstance(tree, str) else tree
    operator, a, b = tree[0], symbolic(tree[1]), symbolic(tree[2])
    try:
        match operator:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return floor_div(a, b)
            case _:
                return exact_div(a, b)
    except NotDivisible:
        assume(False)
        raise


@settings(max_examples=1500, deadline=None)
@given(trees("++-**//"), values)
def test_symbolic_arithmetic_agrees_with_plain_ints(tree: Expression, at: dict[str, int]):
    expected = plain(tree, at)
    assert substitute(symbolic(tree), at) == expected


@settings(max_examples=1500, deadline=None)
@given(trees("+-*/::"), values)
def test_exact_quotients_agree_with_plain_ints_wherever_they_divide(tree: Expression, at: dict[str, int]):
    expected = plain(tree, at)
    assert substitute(symbolic(tree), at) == expected


@settings(max_examples=1000, deadline=None)
@given(trees("+-*/:"), values)
def test_names_can_be_put_in_one_after_another(tree: Expression, at: dict[str, int]):
    expected = plain(tree, at)
    size = symbolic(tree)
    try:
        for name, value in at.items():
            size = substitute(size, {name: value})
    except NotDivisible:
        assume(False)
    assert size == expected


@settings(max_examples=1500, deadline=None)
@given(trees("++-**//:"))
def test_text_reads_back_as_the_same_size(tree: Expression):
    size = symbolic(tree)
    assert parse_size(str(size)) == size, str(size)
    assert repr(size) == str(size)


@settings(max_examples=1500, deadline=None)
@given(trees("++-*/:", 5), trees("++-*/:", 5), values)
def test_decided_comparisons_are_never_wrong(left: Expression, right: Expression, at: dict[str, int]):
    a, b = plain(left, at), plain(right, at)
    x, y = symbolic(left), symbolic(right)
    assert less(x, y) in (a < b, None)
    assert less_equal(x, y) in (a <= b, None)
    assert same(x, y) in (a == b, None)
    for chosen, expected in ((maximum(x, y), max(a, b)), (minimum(x, y), min(a, b))):
        assert chosen is None or substitute(chosen, at) == expected


@settings(max_examples=1000, deadline=None)
@given(trees("++*/", 5), trees("++*/", 3), values)
def test_decided_remainders_are_never_wrong(left: Expression, right: Expression, at: dict[str, int]):
    a, b = plain(left, at), plain(right, at)
    assume(b > 0)
    try:
        rest = remainder(symbolic(left), symbolic(right))
    except NotDivisible:
        assume(False)
        raise
    assert rest is None or substitute(rest, at) == a % b


@settings(max_examples=500, deadline=None)
@given(trees("+-*", 5), trees("+-*", 5), trees("+-*", 5))
def test_polynomials_that_are_equal_are_one_object_to_dictionaries(a: Expression, b: Expression, c: Expression):
    x, y, z = symbolic(a), symbolic(b), symbolic(c)
    for one, other in (((x + y) * z, z * y + z * x), (x - y, -(y - x)), (x + (y + z), (z + x) + y)):
        assert one == other
        assert hash(one) == hash(other)


@settings(max_examples=500, deadline=None)
@given(trees("+-*/:", 6))
def test_a_constant_is_always_an_int(tree: Expression):
    size = symbolic(tree)
    assert isinstance(size, int) == (not symbols(size))


@pytest.mark.parametrize(
    "size, expected",
    [
        ((2 * n + 1) // 2, n),
        (floor_div(4 * d, 2), 2 * d),
        (floor_div(h * w, w), h),
        (floor_div(4 * d, d), 4),
        (floor_div(h * w + h * d, h), w + d),
        (floor_div(h * h - w * w, h - w), h + w),
        (floor_div(floor_div(h, 2), 3), floor_div(h, 6)),
        ((h // 2 + 1) // 2, (h + 2) // 4),
        (ceil_div(n, 1), n),
        (ceil_div(7, 2), 4),
        (ceil_div(2 * n, 2), n),
        (exact_div(h, 2) * 2, h),
        (exact_div(h, 2) + exact_div(h, 2), h),
        (exact_div(h, w) * w, h),
        (exact_div(h, w + d) * (w + d), h),
        (exact_div(6 * h, 4), exact_div(3 * h, 2)),
        (exact_div(12, 4), 3),
        (h - h, 0),
        (0 * h, 0),
        ((h - 3) // 2 + 1, (h - 1) // 2),
    ],
    ids=str,
)
def test_equal_sizes_take_one_form(size: Size, expected: Size):
    assert size == expected
    assert type(size) is type(expected)


@pytest.mark.parametrize(
    "size, text",
    [
        (batch, "batch"),
        (4 * d, "4 * d"),
        (h // 2, "h // 2"),
        (ceil_div(h, 2), "(h + 1) // 2"),
        (h / 2, "h / 2"),
        (d**2, "d ** 2"),
        (1 + w * 2 * h, "2 * h * w + 1"),
        (1 - h, "1 - h"),
        (-h, "-h"),
        (-(h // 2), "-(h // 2)"),
        (batch * (h // 2), "batch * (h // 2)"),
        (batch - h // 2, "batch - h // 2"),
        ((h + w) / 2, "(h + w) / 2"),
        ((h + 1) / w, "(h + 1) / w"),
        (h / (w + d), "h / (d + w)"),
        (h // (2 * w), "h // (2 * w)"),
    ],
    ids=str,
)
def test_text_is_the_syntax_of_the_language(size: Size, text: str):
    assert str(size) == text
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "h +", "h.w", "h % 2", "1.5", "h ** w", "h ** -1", "'h'", "f(h)", "7 / 2", "h // 0"]
)
def test_text_that_is_no_size_is_refused(text: str):
    with pytest.raises(ValueError):
        parse_size(text)


@pytest.mark.parametrize("text", ["(" * 5000 + "h" + ")" * 5000, "-" * 50_000 + "h", "+".join(["h"] * 50_000)])
def test_text_nested_too_deep_is_refused_without_a_crash(text: str):
    with pytest.raises(ValueError):
        parse_size(text)


def test_words_of_python_are_names_like_others():
    assert parse_size("in * lambda + _x") == dim("in") * dim("lambda") + dim("_x")


def test_numbers_may_be_grouped():
    assert parse_size("10_000 * d") == 10_000 * d


@pytest.mark.parametrize("a, b", [(7, 2), (2 * h + 1, 2), (4 * h + 2, 4), (h, 0)], ids=str)
def test_a_quotient_that_never_divides_names_both_sizes(a: Size, b: Size):
    with pytest.raises(NotDivisible) as caught:
        exact_div(a, b)
    assert (caught.value.a, caught.value.b) == (a, b)


def test_a_quotient_that_does_not_divide_once_sizes_are_known_names_both():
    with pytest.raises(NotDivisible) as caught:
        substitute(h / 4, {"h": 6})
    assert (caught.value.a, caught.value.b) == (6, 4)


@pytest.mark.parametrize(
    "a, b, expected",
    [(7, 2, 1), (4 * h, 2, 0), (2 * h + 1, 2, 1), (h * w, w, 0), (h, 2, None), (h + w, w, None), (h, h + 1, h)],
    ids=str,
)
def test_a_remainder_is_known_or_none(a: Size, b: Size, expected: Size | None):
    assert remainder(a, b) == expected


@pytest.mark.parametrize(
    "a, b, expected",
    [
        (3, 3, True),
        (h, h, True),
        (h, h + 1, False),
        (h + w, h, False),
        (h, w, None),
        (h, 1, None),
        (h / (w + d) + w / (h + d), (h * (h + d) + w * (w + d)) / ((w + d) * (h + d)), True),
    ],
    ids=str,
)
def test_sameness_is_known_or_none(a: Size, b: Size, expected: bool | None):
    assert same(a, b) is expected


@pytest.mark.parametrize(
    "a, b, expected",
    [
        (0, h, True),
        (1, h, None),
        (h, 1, False),
        (h, h + w, True),
        (h, h, False),
        (h, 2 * h, True),
        (h, h * w, None),
        (h * w, h, False),
        (0, ceil_div(h, 2), True),
        (0, h // 2 + 1, True),
        (0, h / 2, True),
        (h / 2, 1, False),
        (h // 2, 0, False),
        (0, h // 2, None),
        (2, h + w, None),
        (1, h + w, True),
    ],
    ids=str,
)
def test_order_is_known_or_none(a: Size, b: Size, expected: bool | None):
    assert less(a, b) is expected
    assert less_equal(b, a) is (None if expected is None else not expected)


def test_the_largest_and_smallest_of_several_sizes():
    assert maximum(1, h + w, h) == h + w
    assert minimum(h * w, h, 1) == 1
    assert maximum(h, w) is None
    assert maximum(3, 7, 5) == 7


def test_substitution_takes_sizes_too():
    assert substitute(h * w, {"h": w + 1}) == w**2 + w
    assert substitute(h // 2, {"h": 4 * d}) == 2 * d
    assert substitute(h, {"w": 3}) == h
    with pytest.raises(NotDivisible):
        substitute(h - w, {"h": exact_div(n, 2), "w": exact_div(n - 1, 2)})


def test_symbols_are_found_in_every_part():
    assert symbols((h + w) // 2 + batch / (d + n)) == {"h", "w", "batch", "d", "n"}
    assert symbols(5) == frozenset()


def test_too_many_terms_are_refused():
    with pytest.raises(TooLarge):
        sum((dim(f"x{i}") for i in range(201)), start=h)
    with pytest.raises(TooLarge):
        _ = (h + w + d + 1) ** 50


def test_too_long_ints_are_refused():
    with pytest.raises(TooLarge):
        _ = h * 2**5000
    with pytest.raises(TooLarge):
        parse_size("2 ** 999_999_999")
    with pytest.raises(TooLarge):
        parse_size("3 ** 4096")
    with pytest.raises(TooLarge):
        substitute(h**4000, {"h": 9})
    with pytest.raises(TooLarge):
        _ = h**1_000_000


def test_a_dim_cannot_be_changed():
    with pytest.raises(AttributeError):
        h.den = 2  # pyright: ignore[reportAttributeAccessIssue]
    assert isinstance(h, Dim)


def test_importing_sizes_imports_no_array_library():
    program = "import sys, dslc.dims; print({'jax', 'numpy', 'sympy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"

"""Arithmetic and functions on settings: exact, bounded, and done before anything runs."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from dslc.build.scope import Env
from dslc.build.values import Symbol, Tensor, kind_of, show
from dslc.dims import Dim, NotDivisible, TooLarge, exact_div, less, less_equal, same, symbols
from dslc.errors.arithmetic import (
    DivisionByZero,
    DoesNotDivide,
    NoNumber,
    NotWhole,
    TooMany,
    WrongArgument,
    WrongCall,
    WrongOperand,
)
from dslc.errors.settings import NotKnown
from dslc.ops.base import OPS
from dslc.parse import tree
from dslc.plan import Duration

LONGEST = 100_000
"""Elements of a list that a setting may hold."""
MOST_BITS = 4096
ELEMENTS = 100
"""So many elements of a list take as long as a stage."""


def arithmetic(env: Env, item: tree.Binary, left: Any, right: Any) -> Any:
    """`left operator right` on settings; `/` is exact and `//` floors."""
    sign = item.operator
    if sign == "..":
        return _range(env, item, left, right)
    if sign == "+" and isinstance(left, list) and isinstance(right, list):
        return short(env, item, left + right)
    if sign == "*" and isinstance(left, list) and isinstance(right, int) and len(left) * right <= LONGEST:
        return short(env, item, left * right)
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        if len(left) + len(right) > LONGEST:
            raise env.fail(TooMany(item.span, "a string", LONGEST, "characters"))
        return left + right
    sizes = isinstance(left, Dim) or isinstance(right, Dim)
    whole = isinstance(left, int | Dim) and isinstance(right, int if sign == "**" else int | Dim)
    if not (_is_number(left) and _is_number(right)) or sign not in _SIGNS or (sizes and not whole):
        raise env.fail(WrongOperand(item.at, sign, (kind_of(left), kind_of(right))))
    try:
        return _normal(_SIGNS[sign](left, right))
    except ZeroDivisionError:
        raise env.fail(DivisionByZero(item.at, show(right))) from None
    except NotDivisible:
        raise env.fail(DoesNotDivide(item.at, str(left), str(right))) from None
    except (TooLarge, OverflowError, ValueError):
        raise env.fail(NoNumber(item.at, "")) from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Fraction | Dim) and not isinstance(value, bool)


def _normal(value: Any) -> Any:
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    if isinstance(value, complex):
        raise ValueError  # noqa: TRY004  # a power that has no real value, and no wrong type
    if _bits(value) > MOST_BITS:
        raise OverflowError
    return value


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, Dim) or isinstance(right, Dim):
        return exact_div(left, right)
    if isinstance(left, float) or isinstance(right, float):
        return left / right
    return Fraction(left) / Fraction(right)


def _bits(value: Any) -> int:
    """How long an exact number is."""
    if isinstance(value, Fraction):
        return value.numerator.bit_length() + value.denominator.bit_length()
    return value.bit_length() if isinstance(value, int) else 0


def _power(left: Any, right: Any) -> Any:
    if isinstance(right, int) and _bits(left) * abs(right) > MOST_BITS:
        raise OverflowError
    if isinstance(left, int) and isinstance(right, int) and right < 0:
        return Fraction(left) ** right
    return left**right


def _times(left: Any, right: Any) -> Any:
    if _bits(left) + _bits(right) > MOST_BITS:
        raise OverflowError
    return left * right


def _floor(left: Any, right: Any) -> Any:
    found = left // right
    return int(found) if isinstance(found, float) else found


def _modulo(left: Any, right: Any) -> Any:
    return left - _floor(left, right) * right if isinstance(left, Dim) or isinstance(right, Dim) else left % right


_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": _times, "/": _divide, "//": _floor, "%": _modulo, "**": _power,
}  # fmt: skip


def compare(env: Env, item: tree.Binary, left: Any, right: Any) -> bool:
    """A comparison of settings; one that hangs on an unknown size is a problem."""
    sign = item.operator
    if isinstance(left, Dim) or isinstance(right, Dim):
        return _compare_sizes(env, item, left, right)
    if sign in ("==", "!="):
        equal = _key(left) == _key(right)
        return equal if sign == "==" else not equal
    if _is_number(left) and _is_number(right):
        return bool({"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}[sign](left, right))
    raise env.fail(WrongOperand(item.at, sign, (kind_of(left), kind_of(right))))


def _key(value: Any) -> Any:
    """What makes two settings equal: `relu == relu` compares names, and true is not 1."""
    if isinstance(value, Symbol):
        return "layer", show(value)
    if isinstance(value, list | tuple | range):
        return [_key(item) for item in value]
    return isinstance(value, bool), value


def _compare_sizes(env: Env, item: tree.Binary, left: Any, right: Any) -> bool:
    sides = {"==": (same, left, right, False), "!=": (same, left, right, True), "<": (less, left, right, False),
             "<=": (less_equal, left, right, False), ">": (less, right, left, False), ">=": (less_equal, right, left, False)}  # fmt: skip
    rule, first, second, negate = sides[item.operator]
    if not (isinstance(left, int | Dim) and isinstance(right, int | Dim)):
        raise env.fail(WrongOperand(item.at, item.operator, (kind_of(left), kind_of(right))))
    found = rule(first, second)
    if found is None:
        names = tuple(sorted(symbols(left) | symbols(right)))
        unknown = left if isinstance(left, Dim) else right
        raise env.fail(NotKnown(item.span, str(unknown), names, "a size in a condition"))
    return found is not negate


def _range(env: Env, item: tree.Binary, low: Any, high: Any) -> range:
    if not (isinstance(low, int) and isinstance(high, int)):
        bad = high if isinstance(low, int) else low
        raise env.fail(NotWhole(item.span, "each end of `..`", kind_of(bad), "`0..12`"))
    if high - low > 1_000_000:
        raise env.fail(TooMany(item.span, "a range", 1_000_000, "numbers"))
    return range(low, high)


def short(env: Env, item: tree.Tree, found: list[Any]) -> list[Any]:
    """A list that is not too long, with all that stands in the lists in it."""
    if len(found) > LONGEST or (any(isinstance(one, list | tuple) for one in found) and _more(found, LONGEST)):
        raise env.fail(TooMany(item.span, "a list", LONGEST, "elements"))
    return found


def _more(found: Sequence[Any], most: int) -> bool:
    """Whether there are more elements, those of inner lists included."""
    todo: list[Sequence[Any]] = [found]
    while todo and most >= 0:
        items = todo.pop()
        most -= len(items)
        todo += [one for one in items if isinstance(one, list | tuple)] if most >= 0 else []
    return most < 0


Function = Callable[[Env, tree.Call, Sequence[Any]], Any]


def _function(count: int | None, takes: Callable[[Any], bool], words: str, rule: Callable[..., Any]) -> Function:
    def run(env: Env, item: tree.Call, values: Sequence[Any]) -> Any:
        name = item.callee.text if isinstance(item.callee, tree.Name) else "this"
        tensor = next((value for value in values if isinstance(value, Tensor)), None)
        if tensor is not None:
            raise env.fail(WrongArgument(item.span, name, words, "a tensor", name in OPS))
        if (count is not None and len(values) != count) or not values:
            raise env.fail(WrongCall(item.span, name, count, len(values)))
        bad = next((value for value in values if not takes(value)), None)
        if bad is not None:
            raise env.fail(WrongArgument(item.span, name, words, kind_of(bad), name in OPS))
        env.spend(item.span, sum(len(value) for value in values if _is_list(value)) // ELEMENTS)
        try:
            found = _normal(rule(*values))
            return short(env, item, found) if isinstance(found, list) else found
        except (ValueError, OverflowError, TypeError, ZeroDivisionError):
            raise env.fail(NoNumber(item.span, name)) from None

    return run


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | range)


def _whole(rule: Callable[[Any], Any]) -> Callable[[Any], int]:
    return lambda value: int(rule(value))


FUNCTIONS: Mapping[str, Function] = {
    "len": _function(1, _is_list, "a list", len),
    "zip": _function(None, _is_list, "lists", lambda *lists: [tuple(row) for row in zip(*lists, strict=True)]),
    "enumerate": _function(1, _is_list, "a list", lambda items: list(enumerate(items))),
    "reversed": _function(1, _is_list, "a list", lambda items: list(reversed(items))),
    "sum": _function(1, _is_list, "a list", sum),
    "min": _function(None, lambda value: _is_list(value) or _is_number(value), "numbers", min),
    "max": _function(None, lambda value: _is_list(value) or _is_number(value), "numbers", max),
    "round": _function(1, _is_number, "a number", _whole(round)),
    "ceil": _function(1, _is_number, "a number", _whole(math.ceil)),
    "floor": _function(1, _is_number, "a number", _whole(math.floor)),
    "sqrt": _function(1, _is_number, "a number", lambda value: math.isqrt(value) if isinstance(value, int) and math.isqrt(value) ** 2 == value else math.sqrt(value)),
    "log": _function(1, _is_number, "a number", math.log),
    "epochs": _function(1, _is_number, "a number", lambda value: Duration(epochs=float(value))),
}  # fmt: skip

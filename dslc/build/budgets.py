"""Budgets: a `require` about what a whole model costs, which is known when its graph is built."""

from dataclasses import replace

from dslc.amounts import amount
from dslc.build import evaluate
from dslc.build.scope import Env
from dslc.errors.budgets import BadAmount, BudgetInBlock
from dslc.graph import BUDGETS, Budget
from dslc.parse import tree

MIRRORED = {">": "<", ">=": "<="}


def noted(env: Env, item: tree.Require) -> bool:
    """Whether a `require` is a budget; one in a model or a train block is noted, to be checked on the whole graph."""
    parts = _parts(env, item.condition)
    if parts is None:
        return False
    name, operator, limit = parts
    inside = env.build.active
    program = env.build.program
    if inside and inside[-1] not in {program.title(name) for name in program.models}:
        raise env.fail(BudgetInBlock(item.span, name))
    if len(inside) > 1:
        return True  # Of a model that is a part of another: it is checked where it is built by itself.
    most = _number(env, limit, name)
    of = "model" if inside else "train"
    env.build.budgets[Budget(item.span, of, name, most, operator == "<", item.message)] = None
    return True


def _parts(env: Env, item: tree.Tree) -> tuple[str, str, tree.Tree] | None:
    """The name, `<` or `<=`, and the limit; None where it is a condition on settings."""
    if not isinstance(item, tree.Binary):
        return None
    if _is_of(env, item.left) and item.operator in ("<", "<="):
        return item.left.text, item.operator, item.right  # pyright: ignore[reportAttributeAccessIssue]
    if _is_of(env, item.right) and item.operator in MIRRORED:
        return item.right.text, MIRRORED[item.operator], item.left  # pyright: ignore[reportAttributeAccessIssue]
    return None


def _is_of(env: Env, item: tree.Tree) -> bool:
    return isinstance(item, tree.Name) and item.text in BUDGETS and env.scope.find(item.text) is None


def _number(env: Env, item: tree.Tree, name: str) -> float:
    value = evaluate.value(replace(env, it=None), item)
    if isinstance(value, str):
        try:
            return amount(value, BUDGETS[name])
        except ValueError:
            raise env.fail(BadAmount(item.span, name, value)) from None
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise env.fail(BadAmount(item.span, name, str(value))) from None
    if isinstance(value, bool) or not found > 0:
        raise env.fail(BadAmount(item.span, name, str(value)))
    return found

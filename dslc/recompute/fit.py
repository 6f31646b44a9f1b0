"""Fits a training step into the memory that its train block gives it."""

from collections.abc import Sequence
from dataclasses import replace

from dslc.differentiate import differentiate
from dslc.errors.base import Failed, Problems
from dslc.errors.budgets import MemoryTooSmall
from dslc.estimate.memory import Needs, Step, forward, standing
from dslc.graph import Graph
from dslc.plan import Plan, Update
from dslc.recompute.choose import Choice, choices


def fit(graph: Graph, plan: Plan, update: Update, wrt: Sequence[str]) -> Choice:
    """The graph of an update, with no more computed again than it takes to fit.

    Raises:
        Failed: when it does not fit with anything.
    """
    if plan.memory is None or not wrt:
        return Choice(graph)
    fixed, found = standing(plan), list[tuple[Needs, Choice]]()
    for choice in choices(graph, wrt, update.loss):
        step = Step(update, differentiate(choice.graph, update.loss, wrt))
        needs = fixed.of(step)
        found.append((needs, replace(choice, needs=needs.total)))
        if not choice.again and needs.total <= plan.memory:
            break
    fitting = [choice for _, choice in found if choice.needs <= plan.memory]
    if fitting:
        return min(fitting, key=lambda choice: (choice.flops, choice.needs))
    needs, least = min(found, key=lambda pair: pair[1].needs)
    problems = Problems()
    span = plan.spans.get("memory", plan.span)
    problems.add(MemoryTooSmall(span, plan.memory, least.needs, tuple(needs.parts().items()), plan.rows))
    raise Failed(problems)


def check(plan: Plan, problems: Problems) -> None:
    """Report a memory into which no step of the training fits."""
    for update in plan.updates:
        graph, trained = forward(plan, update)
        try:
            fit(graph, plan, update, trained)
        except Failed as failed:
            for problem in failed.problems:
                problems.add(problem)

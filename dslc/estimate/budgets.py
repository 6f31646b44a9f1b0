"""Checks the budgets of the author on graphs: `require parameters < 50_000_000`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from dslc.bind import bind, free
from dslc.errors.base import Problems
from dslc.errors.budgets import BudgetExceeded
from dslc.estimate import memory
from dslc.graph import Budget, Graph, Node
from dslc.ops.core._region import Region
from dslc.plan import Plan

Shares = list[tuple[str, float]]
Needed = Callable[[], memory.Needs]


def check(made: Graph | Plan | None, dims: Mapping[str, int], problems: Problems) -> None:
    """Report the budgets of a model or of a train block that do not hold."""
    if isinstance(made, Plan):
        check_plan(made, problems)
    else:
        check_model(made, dims, problems)


def check_model(graph: Graph | None, dims: Mapping[str, int], problems: Problems) -> None:
    """Report the budgets of a model that do not hold; free sizes are 1 where `dims` does not say."""
    wanted = [budget for budget in graph.budgets if budget.of == "model"] if graph else []
    if graph is None or not wanted:
        return
    bound = bind(graph, {name: dims.get(name, 1) for name in free(graph)})
    _check(wanted, bound, lambda: memory.of_graph(bound), problems, in_training=False)


def check_plan(plan: Plan | None, problems: Problems) -> None:
    """Report the budgets of a train block that do not hold."""
    wanted = [budget for budget in plan.graph.budgets if budget.of == "train"] if plan else []
    if plan is None or not wanted:
        return
    losses = {name: plan.graph.outputs[name] for name in plan.losses}
    bound = bind(replace(plan.graph, outputs=losses).live(), {"batch": plan.batch})
    _check(wanted, bound, lambda: memory.of_plan(plan), problems, in_training=True)


def _check(wanted: list[Budget], graph: Graph, needs: Needed, problems: Problems, in_training: bool) -> None:
    for budget in wanted:
        actual, largest = _measured(budget.name, graph, needs)
        if actual > budget.most or (budget.below and actual == budget.most):
            problems.add(
                BudgetExceeded(
                    budget.span, budget.name, budget.most, budget.below, actual, tuple(largest), budget.message,
                    in_training and budget.name == "peak_memory",
                )
            )  # fmt: skip


def _measured(name: str, graph: Graph, needs: Needed) -> tuple[float, Shares]:
    """What is there, and where most of it comes from."""
    if name == "peak_memory":
        found = needs()
        return found.total, list(found.parts().items())
    shares: dict[str, float] = {}
    for path, number in _weights(graph) if name == "parameters" else _flops(graph):
        shares[path] = shares.get(path, 0) + number
    largest = sorted(((path, number) for path, number in shares.items() if number), key=lambda item: -item[1])
    return sum(shares.values()), largest


def _weights(graph: Graph) -> Iterator[tuple[str, int]]:
    for node in graph.sources("parameter"):
        yield (node.path or node.name).rpartition(".")[0] or node.name, int(node.type.size)  # pyright: ignore[reportArgumentType]


def _flops(graph: Graph, times: int = 1) -> Iterator[tuple[str, int]]:
    for node in graph:
        if isinstance(node.op, Region):
            yield from _flops(node.op.body, times * int(getattr(node.op, "count", 1)))
        else:
            yield node.path or node.name, times * _cost(node, graph)


def _cost(node: Node, graph: Graph) -> int:
    return node.op.cost(*(None if ref is None else graph.type(ref) for ref in node.inputs)).flops

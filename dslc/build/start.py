"""`start = "runs/a"`: the weights of an earlier run, by their own names."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dslc.build.weights import sections, unread
from dslc.data.failures import DataFailure
from dslc.data.folders import Folders
from dslc.data.tensors import FORMATS, Tensors, tensors
from dslc.errors.base import Problems
from dslc.errors.weights import BadMapping, StartUnfit
from dslc.graph import Graph
from dslc.parse import tree
from dslc.paths import layers, shape_of, stack_of
from dslc.plan import Plan
from dslc.resolve import Program

WEIGHTS = "weights.safetensors"


def start(plan: Plan, folders: Folders, problems: Problems, must_be_there: bool) -> Tensors | None:
    """The file that `start` names, whose names and shapes are those of the model; what does not fit is reported."""
    if plan.start is None:
        return None
    span = plan.spans.get("start", plan.span)
    if plan.sections is not None:
        what = "`start` and a `weights` section both say how training begins"
        problems.add(BadMapping(span, what, "keep one of them"))
        return None
    try:
        found = tensors(folders, plan.start, *(() if plan.start.endswith(FORMATS) else (WEIGHTS,)))
    except DataFailure as failure:
        problems.add(unread(span, failure, must_be_there))
        return None
    wanted = dict(_shapes(plan.graph))
    missing = tuple(name for name in wanted if name not in found.heads)
    left = tuple(name for name in found.heads if name not in wanted)
    differ = tuple(name for name, shape in wanted.items() if name in found.heads and found.heads[name].shape != shape)
    for names, what in ((missing, "not in it"), (differ, "of other shapes"), (left, "not in the model")):
        if names:
            verb = "is" if len(names) == 1 else "are"
            problems.add(StartUnfit(span, plan.start, names, f"{verb} {what}"))
            return None
    return found


def _shapes(graph: Graph) -> list[tuple[str, tuple[int, ...]]]:
    """Every weight and state, layer by layer, with its shape."""
    nodes = (*graph.sources("parameter"), *graph.sources("state"))
    return [(path, shape_of(node)[len(stack_of(node)) :]) for node in nodes for path, _ in layers(node)]


def survey(
    program: Program, graphs: Mapping[str, Graph | None], plans: Mapping[str, Plan | None], problems: Problems,
    data: tuple[Path, ...],
) -> None:  # fmt: skip
    """The dry run of a check: what `start` names, and every section against the model that it belongs to.

    Args:
        graphs: the models by name; None: it has problems of its own.
        plans: the train blocks by name; None: likewise.
    """
    folders = Folders(Path(program.source.name).parent, data)
    for plan in plans.values():
        if plan is not None and plan.start is not None:
            model = graphs.get(plan.model) or plan.graph
            start(replace(plan, sections=sections(program, model, plan.model)), folders, problems, must_be_there=False)
    if not program.weights:
        return
    by_hand = {name: plan.graph if plan else None for name, plan in plans.items() if name not in graphs}
    default = [name for name in plans if name in graphs] or ([] if by_hand else list(graphs)[-1:])
    read: set[tree.WeightsSection] = set()
    for name in dict.fromkeys((*default, *graphs, *by_hand)):
        graph = graphs.get(name) or by_hand.get(name)
        found = sections(program, graph, name) if graph is not None else None
        if graph is None:
            read |= set(program.weights)  # What it is about has problems of its own.
        if found is None or (not found.prefix and name in graphs and name not in default):
            continue
        left = tuple(part for part in found.parts if part not in read)
        read |= set(left)
        if left:
            replace(found, parts=left).read(folders, problems, must_be_there=False)

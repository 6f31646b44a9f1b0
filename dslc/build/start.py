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
from dslc.graph import Graph, Node
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
    needed = dict(_shapes(plan.graph, followers=False))
    missing = tuple(name for name in needed if name not in found.heads)
    left = tuple(name for name in found.heads if name not in wanted)
    differ = tuple(name for name, shape in wanted.items() if name in found.heads and found.heads[name].shape != shape)
    for names, what in ((missing, "not in it"), (differ, "of other shapes"), (left, "not in the model")):
        if names:
            verb = "is" if len(names) == 1 else "are"
            problems.add(StartUnfit(span, plan.start, names, f"{verb} {what}"))
            return None
    return found


def _shapes(graph: Graph, followers: bool = True) -> list[tuple[str, tuple[int, ...]]]:
    """Every weight and state, layer by layer, with its shape; followers start as what they follow, clocks at 0."""
    nodes = [*graph.sources("parameter"), *graph.sources("state")]
    nodes = [node for node in nodes if followers or not _is_led(node)]
    return [(path, shape_of(node)[len(stack_of(node)) :]) for node in nodes for path, _ in layers(node)]


def _is_led(node: Node) -> bool:
    return bool(getattr(node.op, "follows", "") or getattr(node.op, "clock", False))


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
            belonging = sections(program, plan.model, graphs.get(plan.model), plan.graph)
            start(replace(plan, sections=belonging), folders, problems, must_be_there=False)
    if not program.weights:
        return
    read: set[tree.WeightsSection] = set()
    for name in dict.fromkeys((*plans, *graphs)):
        graph, plan = graphs.get(name), plans.get(name)
        if graph is None and plan is None:
            read |= set(program.weights)  # What it is about has problems of its own.
        found = sections(program, name, graph, plan.graph if plan else None)
        left = tuple(part for part in found.parts if part not in read) if found else ()
        if found and left:
            replace(found, parts=left).read(folders, problems, must_be_there=False)
        read |= set(left)
    for part in program.weights:
        if part not in read:
            what = "the file has no model that these weights could belong to"
            problems.add(BadMapping(part.path.span, what, "add the model, or take the section out"))

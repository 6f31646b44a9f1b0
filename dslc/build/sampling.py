"""A sample block to a graph: what it puts out, from draws and the weights of a run."""

from dataclasses import replace
from typing import Any

from dslc.build import blocks, models
from dslc.build.applied import Applied
from dslc.build.frame import Place
from dslc.build.initial import choose
from dslc.build.scope import Build, Env
from dslc.build.training import bind_head
from dslc.build.values import Skip
from dslc.errors.base import Problems
from dslc.errors.steps import NotTrained, SampleInput
from dslc.graph import Graph, Node
from dslc.parse import tree
from dslc.plan import Plan
from dslc.resolve import Program


def sample(
    program: Program, name: str, variant: str | None, problems: Problems, plan: Plan | None = None
) -> Graph | None:
    """The graph of a sample block; None when it has problems (they are reported).

    Args:
        plan: that of the train block of its name, whose weights it runs with.
    """
    section = program.samples[name]
    build = Build(program, problems, dict(program.dims), keeps=False)
    env = models.root(build, f"sample {name}")
    build.applied = Applied(program, env.frame, name if name in program.models else None, variant)
    env = replace(env, place=Place(env.frame, "sample"))
    try:
        bind_head(env, section, program.overrides)
        made = blocks.statements(env, section, _no_input)
    except Skip:
        return None
    env.frame.builder.outputs = {name: env.frame.ref(tensor) for name, tensor in made.items()}
    graph = choose(env.frame.builder.graph()).live()
    if plan is not None:
        _check_trained(section, graph, plan, problems)
    return graph


def _no_input(env: Env, item: tree.Declaration) -> Any:
    raise env.fail(SampleInput(item.span, item.name.text))


def _check_trained(section: tree.Section, graph: Graph, plan: Plan, problems: Problems) -> None:
    """Refuse a weight that a run of the train block does not have."""
    known = {node.name for node in _stored(plan.graph)}
    for node in _stored(graph):
        if node.name not in known:
            owners = tuple(sorted({name.split(".")[0] for name in known if "." in name}))
            problems.add(
                NotTrained(node.span if node.span.file else section.name.span, section.name.text, node.name, owners)
            )
            return


def _stored(graph: Graph) -> list[Node]:
    return [*graph.sources("parameter"), *graph.sources("state")]

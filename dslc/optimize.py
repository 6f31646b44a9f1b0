"""Runs the passes of a phase over a graph, and keeps what each of them did."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from time import perf_counter

from dslc.graph import Graph, Node
from dslc.passes._edit import changed
from dslc.passes.base import PASSES, PHASES, Match, Optimization, Refusal, Rewritten
from dslc.precision import Precision, is_low
from dslc.verify import bodies, verify

MOST_ROUNDS = 100
"""A pass that has not come to rest by then undoes its own work."""


@dataclass(frozen=True)
class Step:
    """One pass and what it did: the graph before and after, the places taken, and the places refused with the reason."""

    optimization: Optimization
    before: Graph
    after: Graph
    taken: tuple[Match, ...]
    refused: tuple[Refusal, ...]
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True)
class Report:
    """What the passes of a phase did, in the order in which they ran."""

    phase: str
    steps: tuple[Step, ...]
    left_out: tuple[str, ...] = ()
    """Passes that were asked for and are not right in this phase."""


def optimize(
    graph: Graph, phase: str, names: Iterable[str] | None = None, precision: str = "f32"
) -> tuple[Graph, Report]:
    """The graph after the passes of a phase, or after those of them that are named; verified after each one.

    Args:
        phase: `always`, `training`, `inference` or `export`.
        precision: the floats to compute in, `f32`, `bf16` or `f16`: put in at the end, whatever passes are named.

    Raises:
        KeyError: when there is no such pass, or phase.
    """
    wanted = None if names is None else {name: PASSES[name] for name in names}
    order = schedule(phase)
    steps: list[Step] = []
    for cls in order:
        if wanted is None or cls.name in wanted:
            steps.append(apply(cls(), graph))
            graph = steps[-1].after
    if is_low(precision):
        start = perf_counter()
        made = Precision(precision).run(graph)
        steps.append(Step(Precision(precision), graph, made.graph, made.taken, made.refused, perf_counter() - start))
        graph = made.graph
    left_out = tuple(name for name, cls in (wanted or {}).items() if cls not in order)
    return graph, Report(phase, tuple(steps), left_out)


def schedule(phase: str) -> list[type[Optimization]]:
    """The passes of a phase, each one after those that it names."""
    chosen = {cls.name: cls for cls in PASSES if cls.phase in PHASES[phase]}
    sorter = TopologicalSorter(
        {name: [other for other in cls.after if other in chosen] for name, cls in chosen.items()}
    )
    sorter.prepare()
    order: list[type[Optimization]] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [chosen[name] for name in ready]
        sorter.done(*ready)
    return order


def apply(optimization: Optimization, graph: Graph) -> Step:
    """One pass over a graph and the bodies of its regions, until it comes to rest if it asks for that."""
    start = perf_counter()
    now, taken, refused = graph, tuple[Match, ...](), tuple[Refusal, ...]()
    for _ in range(MOST_ROUNDS if optimization.repeats else 1):
        made = _descend(optimization, now)
        if made.taken:
            verify(made.graph)
        now, taken, refused = made.graph, taken + made.taken, made.refused
        if not made.taken:
            break
    return Step(optimization, graph, now, taken, refused, perf_counter() - start)


def _descend(optimization: Optimization, graph: Graph) -> Rewritten:
    """The bodies first: what they put out keeps its types, so nothing changes around them."""
    inner: list[Rewritten] = []
    nodes = {node.name: _inside(optimization, node, inner) for node in graph}
    if any(made.taken for made in inner):
        graph = replace(graph, nodes=nodes)
    own = optimization.run(graph)
    taken = sum((made.taken for made in inner), ()) + own.taken
    return Rewritten(own.graph, taken, sum((made.refused for made in inner), ()) + own.refused)


def _inside(optimization: Optimization, node: Node, inner: list[Rewritten]) -> Node:
    made = {field: _descend(optimization, body) for field, body in bodies(node.op).items()}
    inner += made.values()
    if not any(body.taken for body in made.values()):
        return node
    return replace(node, op=changed(node.op, **{field: body.graph for field, body in made.items()}))

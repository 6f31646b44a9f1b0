"""Contracts of every optimization, run over the samples in their own files: no pass is named here."""

import re
from typing import Any

import jax
import pytest
from graphs import SIGNATURE, Arrays, assert_close, in_region, read, run

from dslc.differentiate import differentiate
from dslc.graph import Graph, Node, Ref
from dslc.lower import lower, shapes_of
from dslc.ops.base import OPS
from dslc.optimize import apply, optimize, schedule
from dslc.passes.base import PASSES, PHASES, Optimization, Refused, Sample
from dslc.prepare import prepare
from dslc.text import from_text, to_text
from dslc.types import Type
from dslc.verify import verify

KINDS = [pytest.param(kind, id=kind.name) for kind in PASSES]
GOOD = [
    pytest.param(kind, sample, id=f"{kind.name}-{number}")
    for kind in PASSES
    for number, sample in enumerate(kind.samples)
    if isinstance(sample, Sample)
]
BAD = [
    pytest.param(kind, sample, id=f"{kind.name}-{number}")
    for kind in PASSES
    for number, sample in enumerate(kind.samples)
    if isinstance(sample, Refused)
]
IN_TRAINING = [case for case in GOOD if case.values[0].phase in PHASES["training"]]


def gradients(graph: Graph, arrays: Arrays) -> dict[str, Any]:
    """Gradients of the sum of the first output by every weight and every input of floats."""
    name = next(iter(graph.outputs))
    floats = [
        node.name
        for node in graph
        if node.op.name in ("parameter", "input") and node.type.is_float and node.name in _read(graph)
    ]
    whole = differentiate(_summed(graph, name), "summed", floats)
    made = run(whole, arrays, training=True)
    return {wrt: made[f"output gradient of {wrt}"] for wrt in floats}


def _read(graph: Graph) -> set[str]:
    return {ref.node for node in graph for ref in node.references()}


def _summed(graph: Graph, name: str) -> Graph:
    ref = graph.outputs[name]
    if graph.type(ref).rank == 0:
        return Graph(graph.name, graph.nodes, {"summed": ref})
    node = Node("summed", OPS["sum"](), (ref,), {}, (Type(()),))
    return Graph(graph.name, {**graph.nodes, "summed": node}, {"summed": Ref("summed")})


def compiled(graph: Graph, training: bool) -> Any:
    """XLA's program; the arrays are arguments, or XLA would fold what depends on them alone."""
    program = lower(graph)
    given = (shapes_of(graph, source) for source in ("parameter", "state", "input"))
    return jax.jit(lambda *arrays: program(*arrays, training=training)).lower(*given).compile()


def flops(program: Any) -> float:
    """XLA's own count."""
    return program.cost_analysis()["flops"]


def products_in_loops(program: Any) -> int:
    """Matrix products in the bodies of loops."""
    # A product may stand in a computation of its own; its name says where it comes from.
    return len(re.findall(r" dot\([^\n]*while/body", program.as_text()))


def loops(program: Any) -> int:
    return program.as_text().count(" while(")


def in_training(graph: Graph) -> Any:
    """XLA's program of the first output and its gradients by the weights."""
    weights = [node.name for node in graph.sources("parameter")]
    return compiled(differentiate(graph, next(iter(graph.outputs)), weights), training=True)


def temporary_bytes(graph: Graph) -> int:
    """What XLA allocates for intermediate values."""
    return in_training(graph).memory_analysis().temp_size_in_bytes


def bytes_in_training(graph: Graph) -> float:
    """What XLA's program reads and writes, by its own count; no limit where there is no loss."""
    if graph.type(next(iter(graph.outputs.values()))).rank:
        return float("inf")
    return in_training(graph).cost_analysis()["bytes accessed"]


def ways(kind: type[Optimization]) -> tuple[bool, ...]:
    """Whether the graph may be used for training, for inference, or for both."""
    return (False, True) if kind.phase == "always" else (kind.phase == "training",)


@pytest.mark.parametrize(("kind", "sample"), GOOD)
def test_what_a_sample_becomes_is_what_it_says(kind: type[Optimization], sample: Sample):
    step = apply(kind(), verify(from_text(sample.before)))
    assert step.taken
    assert to_text(step.after) == to_text(verify(from_text(sample.after)))
    assert all(match.places and str(match.gain) for match in step.taken)


@pytest.mark.parametrize(("kind", "sample"), BAD)
def test_a_refused_sample_stays_as_it_is_and_says_why(kind: type[Optimization], sample: Refused):
    step = apply(kind(), verify(from_text(sample.before)))
    assert not step.taken
    assert step.after == step.before
    assert any(sample.reason in str(refusal.reason) for refusal in step.refused), [
        str(refusal.reason) for refusal in step.refused
    ]


@pytest.mark.parametrize(("kind", "sample"), GOOD)
def test_the_numbers_stay_the_same(kind: type[Optimization], sample: Sample, float64: None):
    before = read(sample.before)
    arrays = Arrays.drawn(before)
    after = apply(kind(), before).after
    for training in ways(kind):
        assert_close(run(after, arrays, training), run(before, arrays, training), kind.bound)


@pytest.mark.parametrize(("kind", "sample"), IN_TRAINING)
def test_the_gradients_stay_the_same(kind: type[Optimization], sample: Sample, float64: None):
    before = read(sample.before)
    arrays = Arrays.drawn(before)
    assert_close(gradients(apply(kind(), before).after, arrays), gradients(before, arrays), kind.bound)


@pytest.mark.parametrize(("kind", "sample"), GOOD)
def test_the_body_of_a_region_is_rewritten_as_well(kind: type[Optimization], sample: Sample, float64: None):
    body = read(sample.before)
    before = in_region(body, count=9)
    step = apply(kind(), before)
    # The region itself is a place for some.
    inside = tuple(match for match in step.taken if [place.name for place in match.places] != ["region"])
    assert inside == apply(kind(), body).taken
    arrays = Arrays.drawn(before)
    training = ways(kind)[-1]
    assert_close(run(step.after, arrays, training), run(before, arrays, training), kind.bound)


@pytest.mark.parametrize(("kind", "sample"), GOOD)
def test_a_second_run_takes_nothing(kind: type[Optimization], sample: Sample):
    once = apply(kind(), from_text(sample.before)).after
    assert not apply(kind(), once).taken


@pytest.mark.parametrize(("kind", "sample"), [*GOOD, *BAD])
def test_whatever_has_a_name_outside_keeps_it(kind: type[Optimization], sample: Sample | Refused):
    before = from_text(sample.before)
    after = apply(kind(), before).after
    for source in SIGNATURE:
        assert after.sources(source) == before.sources(source)
    assert after.outputs.keys() == before.outputs.keys()
    assert after.updates.keys() == before.updates.keys()


@pytest.mark.parametrize("phase", list(PHASES))
@pytest.mark.parametrize(("kind", "sample"), [*GOOD, *BAD])
def test_all_passes_of_a_phase_together_keep_the_numbers(
    phase: str, kind: type[Optimization], sample: Sample | Refused, float64: None
):
    before = read(sample.before)
    after, report = optimize(before, phase)
    assert [type(step.optimization) for step in report.steps] == schedule(phase)
    if after == before:
        return
    arrays = Arrays.drawn(before)
    bound = sum(step.optimization.bound for step in report.steps if step.taken)
    assert_close(run(after, arrays, phase == "training"), run(before, arrays, phase == "training"), bound)


@pytest.mark.usefixtures("optimized")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.values[0].claim == "time"])
def test_a_pass_that_claims_time_leaves_fewer_operations_loops_or_bytes(kind: type[Optimization]):
    before = read(kind.case)
    parts = prepare(apply(kind(), before).after)
    old, new = compiled(before, training=False), compiled(parts.rest, training=False)
    # XLA counts the body of a loop once.
    assert (
        flops(new) < 0.9 * flops(old)
        or loops(new) < loops(old)
        or products_in_loops(new) < products_in_loops(old)
        or bytes_in_training(apply(kind(), before).after) < 0.9 * bytes_in_training(before)
    )


@pytest.mark.usefixtures("optimized")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.values[0].claim == "memory"])
def test_a_pass_that_claims_memory_needs_less_of_it(kind: type[Optimization]):
    before = read(kind.case)
    assert temporary_bytes(apply(kind(), before).after) < 0.5 * temporary_bytes(before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_to_measure_is_one_that_the_pass_takes(kind: type[Optimization]):
    step = apply(kind(), read(kind.case))
    assert step.taken and not step.refused


@pytest.mark.parametrize("kind", KINDS)
def test_a_pass_states_its_algebra(kind: type[Optimization]):
    for part in ("Before: ", "After: ", "Saves: ", "Refuses: "):
        assert part in (kind.__doc__ or ""), part
    assert any(isinstance(sample, Sample) for sample in kind.samples)
    assert any(isinstance(sample, Refused) for sample in kind.samples)
    assert 0 < kind.bound < 1e-2 and (kind.bound <= 1e-12 or not kind.exact)
    kind()  # every setting has a default


@pytest.mark.parametrize("phase", list(PHASES))
def test_every_pass_runs_after_those_that_it_names(phase: str):
    order = [kind.name for kind in schedule(phase)]
    for place, name in enumerate(order):
        assert set(PASSES[name].after) <= set(PASSES.names())
        assert not set(PASSES[name].after) & set(order[place:])


def test_a_named_pass_that_is_wrong_in_the_phase_is_left_out_and_reported():
    graph = from_text("graph g {\n  x = input()\n  output x\n}")
    wrong = [kind.name for kind in PASSES if kind.phase not in PHASES["training"]]
    right = [kind.name for kind in PASSES if kind.phase in PHASES["training"]]
    after, report = optimize(graph, "training", [*wrong, right[0]])
    assert report.left_out == tuple(wrong)
    assert [step.optimization.name for step in report.steps] == right[:1]
    assert after == graph


def test_an_unknown_pass_is_refused():
    with pytest.raises(KeyError):
        optimize(Graph("g", {}, {}), "training", ["no_such_pass"])

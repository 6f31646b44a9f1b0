"""What ops say of the positions of a sequence, against their whole call: of all that say something of their own."""

from itertools import islice, pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from samples import Case

from dslc.decode.regions import region
from dslc.decode.walk import OFFSET, Blocked, Walk
from dslc.graph import Graph, Node, Ref
from dslc.lower import lower
from dslc.ops.base import OPS, Op, Sample
from dslc.ops.core.input import Input
from dslc.ops.core.parameter import Parameter

ENOUGH = 2
"""Ways of an op that are run."""
FIRST = 2
"""Positions of the first run; of the others each has one."""


def alone(case: Case) -> Graph:
    """A graph of nothing but the op."""
    given = [(f"x{place}", type) for place, type in enumerate(case.inputs)]
    nodes = {name: Node(name, Input(type.dtype, type.shape), types=(type,)) for name, type in given if type}
    held = {**case.weights, **case.state}
    stored = {role: Parameter(weight.shape, weight.dtype) for role, weight in held.items()}  # type: ignore[arg-type]
    nodes |= {role: Node(role, op, types=(op.infer(),)) for role, op in stored.items()}
    states = tuple(stored[role].infer() for role in case.state)
    inputs = tuple(Ref(name) if type else None for name, type in given)
    nodes["y"] = Node("y", case.op, inputs, {role: Ref(role) for role in held}, (*case.outputs, *states))
    return Graph("alone", nodes, {str(place): Ref("y", place) for place in range(len(case.outputs))})


def ways(case: Case) -> list[dict[str, int]]:
    """Axes along which the first input, or each that is as long there, may have positions."""
    first = case.inputs[0]
    found: list[dict[str, int]] = []
    for axis, size in enumerate(first.shape if first else ()):
        alike = [place for place, type in enumerate(case.inputs) if type and type.shape[axis : axis + 1] == (size,)]
        for places in {(0,), tuple(alike)} if int(size) > FIRST else ():  # type: ignore[arg-type]
            found += [{f"x{place}": axis for place in places}]
    return found


def walked(graph: Graph, way: dict[str, int], length: int, first: bool) -> Walk | None:
    walk = Walk(graph, graph, length, first, region)
    try:
        walk.run(way)
    except Blocked:
        return None
    return walk


def run(walk: Walk, case: Case, way: dict[str, int], start: int, kept: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The outputs at the positions of a run; what is kept is brought up to date."""
    outputs = dict(walk.whole.outputs) | {one.name: one.now for one in walk.keeping}
    weights, inputs = case.draw()
    given = {OFFSET: jnp.int32(start), **kept}
    for place, array in enumerate(inputs):
        axis = way.get(f"x{place}")
        if array is not None:
            given[f"x{place}"] = array if axis is None else np.take(array, range(start, start + walk.length), axis)
    found, _ = lower(Graph("run", walk.builder.nodes, outputs))(weights, {}, given)
    for one in walk.keeping:
        now = np.asarray(found.pop(one.name))
        if one.axis is None:
            kept[one.name] = now
        else:
            room = kept.setdefault(one.name, np.zeros(one.type.shape, now.dtype))  # type: ignore[arg-type]
            room[(slice(None),) * one.axis + (slice(start, start + walk.length),)] = now
    return [np.asarray(array) for array in found.values()]


def steps_agree(case: Case, way: dict[str, int]) -> bool:
    """Whether the op goes along the positions; then its steps are compared with the whole."""
    graph = alone(case)
    first, later = walked(graph, way, FIRST, True), walked(graph, way, 1, False)
    if first is None or later is None:
        return False
    weights, inputs = case.draw()
    wanted = case.call(weights, inputs)
    length = int(case.inputs[0].shape[way["x0"]])  # type: ignore[union-attr, arg-type, index]
    kept: dict[str, np.ndarray] = {}
    marks = (0, *range(FIRST, length + 1))
    parts = [run(first if not start else later, case, way, start, kept) for start, _ in pairwise(marks)]
    for place, whole in enumerate(wanted):
        axis = first.time[Ref("y", place)]
        assert axis is not None
        joined = np.concatenate([part[place] for part in parts], axis)
        # In 64 bits sums in another order differ in the last digits.
        np.testing.assert_allclose(joined, np.asarray(whole), rtol=1e-11, atol=1e-12)
    return True


LAYERS = [kind for kind in OPS if kind.in_time is not Op.in_time]


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in LAYERS])
def test_steps_give_what_the_whole_call_gives(kind: type[Op], float64: None):
    cases = (Case.of(sample).wide() for sample in kind.samples if isinstance(sample, Sample))
    agree = (True for case in cases if case.inputs for way in ways(case) if steps_agree(case, way))
    # An op that has a step of its own has a sample that takes it.
    assert list(islice(agree, ENOUGH)) or kind.step is Op.step

"""Times the ways to compute a call on this device, each with its gradients in a loop inside of one program, as training has it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from time import perf_counter
from typing import Any

from dslc.differentiate import differentiate, gradient_name
from dslc.graph import Graph, Node, Ref
from dslc.lazy import jax, jnp, lax, np
from dslc.lower import Program, lower
from dslc.ops._bits import never_differentiated
from dslc.ops._choice import Choice, call_of, choose, policy, settle, under
from dslc.ops._platform import platforms
from dslc.ops.arithmetic.add import Add
from dslc.ops.base import Op
from dslc.ops.core.input import Input
from dslc.ops.core.parameter import Parameter
from dslc.ops.core.state import State
from dslc.ops.pointwise.square import Square
from dslc.ops.reduce.mean import Mean
from dslc.optimize import Report
from dslc.passes.unroll_short_repeats import UnrollShortRepeats
from dslc.train.packing import Packing
from dslc.types import JAX_DTYPES, Type
from dslc.verify import bodies, input_types, result_types

SPELL = 0.05
"""Seconds that a measurement takes, about."""
ROUNDS = 5
MOST = 10_000
"""Turns of a loop."""
STEP = 1e-6
"""Of a gradient, what a weight moves by: each turn needs what the one before it found."""
SMALLEST = 2
"""Integers are drawn below this, or below the length of the shortest table."""


@dataclass(frozen=True)
class Call:
    """A node with several ways to compute it, or many equal ones."""

    op: Op
    types: tuple[Type | None, ...]
    choice: Choice
    nodes: tuple[Node, ...]

    @property
    def name(self) -> str:
        return call_of(self.op, *self.types)


def tune(graph: Graph, report: Report) -> Iterator[tuple[Call, dict[str, float]]]:
    """Measure every call of a graph that can be computed in several ways, and keep each for this process.

    Args:
        report: of the passes that made the graph: what they choose by a setting is measured as they saw it, and last, as
            it holds what the others are part of.
    """
    before = next((step.before for step in report.steps if isinstance(step.optimization, UnrollShortRepeats)), None)
    for call in (*calls(graph), *(calls(before, settled=True) if before is not None else ())):
        times = measured(call)
        choose_by(call.name, times)
        yield call, times


def choose_by(name: str, times: dict[str, float]) -> None:
    """From now on, what was measured of a call decides."""
    now = policy()
    settle(replace(now, platform=platforms()[0], measured={**now.measured, name: times}))


def calls(graph: Graph, settled: bool = False) -> list[Call]:
    """What there is to choose in a graph and the bodies of its regions.

    Args:
        settled: what a pass chooses and puts into a setting, in place of what is chosen when the program is traced.
    """
    found: dict[str, Call] = {}
    for inside, node in _everywhere(graph):
        if bool(node.op.choices) != settled:
            continue
        types = input_types(inside, node)
        choice = choose(node.op, platforms()[0], *types)
        if choice is not None and len(choice.ways) > 1:
            call = Call(node.op, types, choice, (node,))
            before = found.get(call.name)
            found[call.name] = replace(before, nodes=(*before.nodes, node)) if before else call
    return list(found.values())


def _everywhere(graph: Graph) -> Iterator[tuple[Graph, Node]]:
    for node in graph:
        yield graph, node
        for body in bodies(node.op).values():
            yield from _everywhere(body)


def measured(call: Call) -> dict[str, float]:
    """Seconds of a call with its gradients by each of its ways: the best of interleaved rounds."""
    programs: dict[str, Callable[[int], None]] = {}
    best = {way.name: inf for way in call.choice.ways}
    for name in best:
        # A way that the device has no memory for is one that takes for ever.
        with under(replace(policy(), forced=name)), suppress(jax.errors.JaxRuntimeError):
            programs[name] = _program(call.op.taking(name), call.types)
            programs[name](1)
    counts = {name: _turns(run) for name, run in programs.items()}
    for _ in range(ROUNDS):
        for name, run in programs.items():
            best[name] = min(best[name], _seconds(run, counts[name]) / counts[name])
    return best


def _turns(run: Callable[[int], None]) -> int:
    """How many turns of a loop a measurement has."""
    return max(1, min(MOST, int(SPELL / max(_seconds(run, 1), 1e-6))))


def _seconds(run: Callable[[int], None], count: int) -> float:
    begun = perf_counter()
    run(count)
    return perf_counter() - begun


def _program(op: Op, types: tuple[Type | None, ...]) -> Callable[[int], None]:
    """Runs the call and its gradients so many times."""
    graph = alone(op, types)
    moving = [node.name for kind in ("parameter", "input") for node in graph.sources(kind) if node.type.is_float]
    program = lower(differentiate(graph, "loss", moving) if moving else graph)
    weights, state, inputs = (_drawn(graph, kind) for kind in ("parameter", "state", "input"))
    packing = Packing.of(weights)
    compiled = jax.jit(_loop(program, packing, state)).lower(packing.pack(weights), inputs, np.int32(1)).compile()
    packed = packing.pack(weights)

    def run(count: int) -> None:
        jax.block_until_ready(compiled(packed, inputs, np.int32(count)))

    return run


def _loop(program: Program, packing: Packing, state: Any) -> Callable[..., Any]:
    key = jax.random.key(0)

    def turn(_: Any, carry: Any) -> Any:
        packed, inputs = carry
        named = packing.unpack(packed)
        with never_differentiated():
            outputs, _ = program(named, state, inputs, training=True, key=key)
        slopes = packing.pack({name: _slope(outputs, name, array) for name, array in named.items()})
        packed = {name: array - STEP * slopes[name] for name, array in packed.items()}
        return packed, {name: _moved(array, outputs.get(gradient_name(name))) for name, array in inputs.items()}

    return lambda packed, inputs, count: lax.fori_loop(0, count, turn, (packed, inputs))


def _moved(array: Any, slope: Any) -> Any:
    return array if slope is None else array - STEP * slope


def _slope(outputs: Any, name: str, like: Any) -> Any:
    found = outputs.get(gradient_name(name))
    return jnp.zeros_like(like) if found is None else found


def alone(op: Op, types: tuple[Type | None, ...]) -> Graph:
    """The graph of one call, with the mean square of all that it gives as its loss."""
    nodes: dict[str, Node] = {}

    def put(name: str, op: Op, *inputs: Ref | None, weights: dict[str, Ref] | None = None) -> Ref:
        node = Node(name, op, inputs, weights or {}, path=name)
        nodes[name] = replace(node, types=result_types(Graph("call", nodes, {}), node))
        return Ref(name)

    given = [
        None if type is None else put(f"input {place}", Input(type.dtype, type.shape))
        for place, type in enumerate(types)
    ]
    roles: dict[str, Ref] = {}
    for kind, made in ((Parameter, op.weights(*types)), (State, op.state(*types))):
        for role, weight in made.items():
            shape: Any = weight.shape
            roles[role] = put(f"weight {role}", kind(shape, weight.dtype))
    put("call", op, *given, weights=roles)
    states = tuple(op.state(*types))
    outputs = len(nodes["call"].types) - len(states)
    total: Ref | None = None
    for place, type in enumerate(nodes["call"].types[:outputs]):
        if type.is_float:
            squares = put(f"squares {place}", Square(), Ref("call", place))
            mean = put(f"mean {place}", Mean(), squares)
            total = mean if total is None else put(f"sum {place}", Add(), total, mean)
    updates = {f"weight {role}": Ref("call", outputs + place) for place, role in enumerate(states)}
    return Graph("call", nodes, {"loss": total or Ref("call")}, updates)


def _drawn(graph: Graph, kind: str) -> dict[str, Any]:
    random = np.random.default_rng(0)
    tables: list[Any] = [node.type.shape[0] for node in graph.sources("parameter") if node.type.rank]
    below = min(tables, default=SMALLEST)
    found: dict[str, Any] = {}
    for node in graph.sources(kind):
        shape: Any = node.type.shape
        numbers = random.uniform(0.5, 1, shape) if node.type.is_float else random.integers(0, below, shape)
        # Small weights, so that no number grows without end in the repeats of a layer.
        scale = 0.05 if kind == "parameter" and node.type.rank > 1 else 1
        found[node.name] = jnp.asarray(numbers * scale, JAX_DTYPES[node.type.dtype])
    return found

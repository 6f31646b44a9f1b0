"""What has to hold for any graph: passes, the backward pass, loops and XLA leave its numbers as they are.

The reference is the graph as it was drawn, run op by op in NumPy and differentiated by a tape. What may differ is derived for
each graph: with `NOISE` put on every float of that run an array moves by `NOISE` times its condition; a rewrite may move it by
that condition times the pass's own bound (1e-12 for an exact one: some thousand roundings), and by that bound of its largest
number. An array that moves by more than `KINK` of its size stands on a kink or cancels out: nothing can be said about it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
from primitives import Noise
from steps import SOURCES, Steps, Value
from trial import Found

from dslc.differentiate import differentiate, gradient_name
from dslc.graph import Graph
from dslc.lower import lower
from dslc.ops.core.repeat import Repeat
from dslc.optimize import Report, apply, optimize
from dslc.passes._edit import changed
from dslc.passes.base import PASSES
from dslc.prepare import prepare
from dslc.text import from_text, to_text
from dslc.types import JAX_DTYPES, Type
from dslc.verify import bodies, verify
from dslc.widen import widened

NOISE = 1e-9
KINK = 1e-3
SINGLE = 1e-6
"""Put on what is drawn in float32: some roundings of 6e-8."""
EXACT = 1e-12
HUGE = 1e30
"""What is larger soon overflows."""
KEY = 5
Arrays = Mapping[str, Any]


class Undefined(Exception):
    """A graph of which nothing can be said: its numbers are not finite, or stand on a kink. The argument says which."""


def draw_array(type: Type, number: int, attempt: int, kind: str) -> Any:
    """Numbers of both signs at first, then positive ones; integers are an index into anything."""
    rng = np.random.default_rng((number, attempt))
    shape: tuple[int, ...] = type.shape  # type: ignore[assignment]
    if type.dtype == "bool":
        return rng.random(shape) < 0.6
    if type.is_integer:
        return (
            rng.integers(0, 2, shape).astype(JAX_DTYPES[type.dtype])
            if attempt < 2
            else np.zeros(shape, JAX_DTYPES[type.dtype])
        )
    values = rng.normal(size=shape)
    return abs(values) + 0.3 if attempt or kind == "state" else values


@dataclass(frozen=True)
class Subject:
    """A graph with a scalar `loss`, and arrays for its sources."""

    graph: Graph
    arrays: Arrays

    @classmethod
    def of(cls, graph: Graph) -> "Subject":
        """With the first arrays that give finite numbers.

        Raises:
            Undefined: when none do.
        """
        sources = [(node, kind) for kind in SOURCES for node in graph.sources(kind)]
        for attempt in range(3):
            made = cls(
                graph, {node.name: draw_array(node.type, at, attempt, kind) for at, (node, kind) in enumerate(sources)}
            )
            try:
                if all(_largest(array) < HUGE for array in made.wanted.values()):
                    return made
            except FloatingPointError:  # somewhere on the way
                continue
        raise Undefined("not finite")

    @cached_property
    def wide(self) -> Graph:
        return widened(self.graph)

    @cached_property
    def wrt(self) -> list[str]:
        """What gradients are taken by: weights that are trained, and inputs."""
        read = {ref.node for node in self.graph for ref in node.references()}
        nodes = [*self.graph.sources("parameter"), *self.graph.sources("input")]
        return [node.name for node in nodes if node.type.dtype == "f32" and node.name in read and not node.name.startswith("probe") and getattr(node.op, "trainable", True)]  # fmt: skip

    @cached_property
    def wanted(self) -> dict[str, Any]:
        """Outputs, next states and gradients of training, then the outputs of inference."""
        return self.by_tape() | self.by_steps(self.graph, training=False)

    @cached_property
    def allowed(self) -> dict[str, float]:
        """By how much each of them may differ, for one unit of a bound.

        Raises:
            Undefined: when one of them stands on a kink.
        """
        noises = [Noise(NOISE, draw=np.random.default_rng(seed)) for seed in (1, 2)]
        noisy = [self._noisy(noise) for noise in noises]
        single = self._noisy(Noise(0, single=SINGLE)) if noises[0].met_single else self.wanted
        most = max((_largest(array) for array in self.wanted.values()), default=0.0)
        found: dict[str, float] = {}
        for name, array in self.wanted.items():
            moved = max(_distance(other[name], array) for other in noisy)
            scale = _largest(array)
            in_single = _distance(single[name], array)
            if moved + in_single > KINK * (scale + 0.01 * most) or (array.dtype.kind != "f" and moved + in_single):
                raise Undefined("on a kink", name, moved, scale, most)
            found[name] = moved / NOISE + scale + 0.1 * most + in_single / EXACT
        return found

    def _noisy(self, noise: Noise) -> dict[str, Any]:
        return self.by_tape(noise) | self.by_steps(self.graph, training=False, noise=noise)

    def by_tape(self, noise: Noise | None = None) -> dict[str, Any]:
        given = {name: Value(array) for name, array in self.arrays.items()}
        steps = Steps(True, jax.random.key(KEY), noise)
        with np.errstate(all="ignore"):
            outputs, states = steps(self.wide, given)
            steps.back(outputs["loss"])
        if not steps.is_finite and noise is None:
            raise FloatingPointError
        gradients = {f"gradient of {name}": _or_zeros(given[name]) for name in self.wrt}
        return _named("training", outputs, states) | gradients

    def by_steps(
        self, graph: Graph, training: bool, noise: Noise | None = None, more: Arrays | None = None
    ) -> dict[str, Any]:
        """Outputs and next states of a graph op by op; gradients that it puts out by their own names."""
        given = {name: Value(array) for name, array in (self.arrays | (more or {})).items()}  # type: ignore[operator]
        with np.errstate(all="ignore"):
            outputs, states = Steps(training, jax.random.key(KEY), noise)(widened(graph), given)
        return _named("training" if training else "inference", outputs, states)

    def by_xla(self, graph: Graph, names: Sequence[str] = ()) -> dict[str, Any]:
        """Outputs and next states of a graph by the program that it is lowered to, with JAX's own gradients by some names."""
        graph = widened(graph)
        kinds = [
            {node.name: self.arrays[node.name] for node in graph.sources(kind)}
            for kind in ("parameter", "state", "input")
        ]

        def run(weights: Any, state: Any, inputs: Any) -> Any:
            def loss(moved: Any) -> Any:
                filled = (
                    {**part, **{name: moved[name] for name in part if name in moved}} for part in (weights, inputs)
                )
                outputs, states = lower(graph)(
                    next(filled), state, next(filled), training=True, key=jax.random.key(KEY)
                )
                return outputs.get("loss"), (outputs, states)

            given = {**weights, **inputs}
            if not names:
                return loss({})[1], {}
            gradients, found = jax.grad(loss, has_aux=True)({name: given[name] for name in names})
            return found, gradients

        (outputs, states), gradients = jax.jit(run)(*kinds)
        found = _named("training", outputs, states) | {gradient_name(name): array for name, array in gradients.items()}
        return {name: np.asarray(array) for name, array in found.items()}

    def same(self, what: str, found: Mapping[str, Any], bound: float = EXACT) -> None:
        """Compare all that was found with what is wanted.

        Raises:
            Found: when something differs.
        """
        for name, array in found.items():
            wanted = self.wanted[name]
            if array.shape != wanted.shape or array.dtype != wanted.dtype:
                raise Found(
                    f"{what}: type",
                    f"`{name}` is {array.dtype}{array.shape} and should be {wanted.dtype}{wanted.shape}",
                )
            distance = _distance(array, wanted)
            if not distance <= bound * self.allowed[name]:
                raise Found(
                    f"{what}: {name.split()[0]}",
                    f"`{name}` differs by {distance:.1e} where {bound * self.allowed[name]:.1e} may be",
                )


def _named(mode: str, outputs: Mapping[str, Any], states: Mapping[str, Any]) -> dict[str, Any]:
    gradients = {name: value for name, value in outputs.items() if name.startswith("gradient of ")}
    own = {f"output {name} in {mode}": value for name, value in outputs.items() if name not in gradients}
    found = own | {f"next {name} in {mode}": value for name, value in states.items()} | gradients
    return {name: value.array if isinstance(value, Value) else value for name, value in found.items()}


def _or_zeros(value: Value) -> Any:
    return np.zeros_like(value.array) if value.gradient is None else value.gradient


def _largest(array: Any) -> float:
    size = float(np.max(np.abs(array.astype(np.float64)), initial=0))
    return np.inf if np.isnan(size) else size


def _distance(one: Any, other: Any) -> float:
    apart = np.abs(np.asarray(one).astype(np.float64) - np.asarray(other).astype(np.float64))
    return float(np.max(apart, initial=0)) if not np.isnan(apart).any() else np.inf


# The comparisons.


def examine(graph: Graph, compiled: bool = False) -> list[str]:
    """All of them; gives the names of the passes that rewrote something.

    Raises:
        Undefined: when nothing can be said of the graph.
        Found: when something is wrong with it.
    """
    if "loss" not in graph.outputs:
        raise Undefined("no floats")
    took: list[str] = []
    for what, check in _checks(graph, compiled, took):
        try:
            check()
        except (Found, Undefined):
            raise
        except ZeroDivisionError:
            raise Undefined("divides by zero") from None
        except Exception as error:
            raise Found(f"{what}: {type(error).__name__} at {place_of(error)}", str(error)[:300]) from error
    return took


def _checks(graph: Graph, compiled: bool, took: list[str]) -> Iterator[Any]:
    state: dict[str, Subject] = {}

    def start() -> None:
        verify(graph)
        state["of"] = Subject.of(graph)
        _ = state["of"].allowed

    yield "text", lambda: _reads_back(graph)
    yield "reference", start
    subject = state["of"]
    yield "backward", lambda: _backward(subject, "backward", graph, EXACT)
    for kind in PASSES:
        yield kind.name, lambda kind=kind: took.extend([kind.name] * _alone(subject, kind))
    for phase in ("training", "inference", "export"):
        yield f"all {phase}", lambda phase=phase: _together(subject, phase)
    if compiled:
        yield "XLA", lambda: subject.same("XLA", subject.by_xla(graph, subject.wrt))
        yield "XLA backward", lambda: subject.same("XLA backward", subject.by_xla(flipped(_joint(subject, graph))))
        yield "XLA optimized", lambda: _optimized(subject)


def _reads_back(graph: Graph) -> None:
    if from_text(to_text(graph)) != graph:
        raise Found("text", "reads back as another graph")


def _joint(subject: Subject, graph: Graph) -> Graph:
    return verify(differentiate(graph, "loss", subject.wrt))


def _backward(subject: Subject, what: str, graph: Graph, bound: float) -> None:
    joint = _joint(subject, graph)
    subject.same(f"{what}, differentiated", subject.by_steps(joint, training=True), bound)


def _alone(subject: Subject, kind: Any) -> bool:
    step = apply(kind(), subject.graph)
    if step.taken:
        _after(subject, kind.name, step.after, kind.phase, kind.bound)
    return bool(step.taken)


def _after(subject: Subject, what: str, graph: Graph, phase: str, bound: float) -> None:
    """What holds for a graph that is right in a phase."""
    if phase in ("always", "training"):
        _backward(subject, what, graph, bound)
    if phase != "training":
        subject.same(what, subject.by_steps(graph, training=False), bound)


def _together(subject: Subject, phase: str) -> None:
    graph, report = optimize(subject.graph, phase)
    if graph == subject.graph:
        return
    _reads_back(graph)
    bound = bound_of(report)
    _after(subject, f"all {phase}", graph, phase, bound)
    if phase == "inference":
        parts = prepare(graph)
        once = {name.split()[1]: array for name, array in subject.by_steps(parts.once, training=False).items()}
        subject.same("prepared", subject.by_steps(parts.rest, training=False, more=once), bound)


def bound_of(report: Report) -> float:
    return sum((step.optimization.bound for step in report.steps if step.taken), EXACT)


def _optimized(subject: Subject) -> None:
    graph, report = optimize(subject.graph, "training")
    if graph != subject.graph:
        subject.same("XLA optimized", subject.by_xla(_joint(subject, graph)), bound_of(report))


def flipped(graph: Graph) -> Graph:
    """The graph with its short loops side by side, and what was side by side in loops."""
    nodes = {}
    for name, node in graph.nodes.items():
        op = node.op
        inner = {field: flipped(body) for field, body in bodies(op).items()}
        more = {"unroll": not op.unroll and op.times < 6} if isinstance(op, Repeat) else {}
        nodes[name] = replace(node, op=changed(op, **inner, **more)) if inner else node
    return replace(graph, nodes=nodes)


def place_of(error: BaseException) -> str:
    """The last function of dslc that an error came through."""
    step, place = error.__traceback__, ""
    while step is not None:
        code = step.tb_frame.f_code
        if "/dslc/" in code.co_filename:
            place = f"{Path(code.co_filename).name}:{code.co_name}"
        step = step.tb_next
    return place

"""Whether the compiled program says what the file says: `dslc compile --verify`.

The graph that the stages before the passes built is the reference, differentiated by JAX. Everything runs in float64 on random
numbers, a small batch at a time. How far two results may be apart is worked out for each tensor: `NOISE` on every weight and
input moves it by `NOISE` times its condition; a rewrite may move it by that condition, and by its size, times the bound of
the passes that ran (1e-12 for exact ones: the rounding of some thousand operations).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from dslc.compilation import Compilation
from dslc.differentiate import differentiate, gradient_name
from dslc.errors.agreement import NumbersDiffer, NumbersNotFinite
from dslc.errors.base import Failed, Problem, Problems
from dslc.graph import Graph
from dslc.initialize import initial
from dslc.lazy import jax, np
from dslc.lower import lower
from dslc.ops.core.repeat import Repeat
from dslc.optimize import Report, optimize
from dslc.passes._edit import changed
from dslc.sizes import sized, sizes_of
from dslc.source import Span
from dslc.types import JAX_DTYPES
from dslc.verify import bodies
from dslc.widen import widened

NOISE = 1e-9
ROUNDING = 1e-12
"""Of two programs of one graph, as a share of the condition."""
LARGEST_BATCH = 4
MOST_SIDE_BY_SIDE = 12
"""Iterations of a loop that are put side by side to compare: XLA takes seconds for each dozen."""
LOOPS = "loops, scanned and side by side"
Found = dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """One program against the reference: the tensor that comes nearest to its bound, both as shares of its largest number."""

    what: str
    tensors: int
    worst: str
    difference: float
    bound: float

    @property
    def agrees(self) -> bool:
        return self.difference <= self.bound


def compared(compilation: Compilation) -> tuple[Compared, ...]:
    """Every program that the compiler makes of a file, against what the file says.

    Raises:
        Failed: when the numbers of the model are not finite, so that nothing can be compared.
    """
    with jax.enable_x64(True):
        return tuple(_Sides(compilation).all())


def disagreement(compilation: Compilation, found: tuple[Compared, ...]) -> None:
    """Say what differs.

    Raises:
        Failed: when something does.
    """
    wrong = [
        NumbersDiffer(_span(compilation), one.what, one.worst, one.difference, one.bound)
        for one in found
        if not one.agrees
    ]
    if wrong:
        raise _failed(wrong[0])


class _Sides:
    """The reference, and what is compared with it."""

    def __init__(self, compilation: Compilation) -> None:
        self.compilation = compilation
        self.training = compilation.plan is not None
        self.phase = "training" if self.training else "inference"
        self.graph = _small(compilation)

    def all(self) -> list[Compared]:
        self._must_be_finite()
        graph, report = optimize(self.graph, self.phase, self.compilation.passes)
        bound = _bound(report)
        found = [self._against("passes: outputs and next states", self._run(graph), bound)]
        if self.training:
            found.append(self._inference())
        for loss in self.losses:
            found += self._gradients(loss, graph, bound)
        if not self.losses and (other := flipped(graph)) != graph:
            found.append(self._against(f"{LOOPS}: outputs", self._run(other), bound))
        return found

    def _inference(self) -> Compared:
        graph, report = optimize(self.graph, "inference", self.compilation.passes)
        wanted, moved = (self._run(self.graph, noise, training=False) for noise in (0.0, NOISE))
        return _nearest(
            "passes for inference: outputs", self._run(graph, training=False), wanted, moved, _bound(report)
        )

    def _gradients(self, loss: str, graph: Graph, bound: float) -> Iterator[Compared]:
        names = self._trained(loss)
        wanted, moved = self._by_jax(loss, names), self._by_jax(loss, names, NOISE)
        joint = differentiate(graph, loss, names)
        programs = [
            (f"generated backward pass of `{loss}`", differentiate(self.graph, loss, names), ROUNDING),
            (f"passes: gradients of `{loss}`", joint, bound),
            (f"{LOOPS}: gradients of `{loss}`", flipped(joint), bound),
        ]
        for what, made, within in programs[: 3 if flipped(joint) != joint else 2]:
            gradients = self._run(replace(made, outputs={name: made.outputs[name] for name in wanted}, updates={}))
            yield _nearest(what, gradients, wanted, moved, within)

    @cached_property
    def losses(self) -> list[str]:
        plan = self.compilation.plan
        return [] if plan is None else list(dict.fromkeys(update.loss for update in plan.updates))

    def _trained(self, loss: str) -> list[str]:
        plan = self.compilation.plan
        assert plan is not None
        weights = {name for update in plan.updates if update.loss == loss for name in update.weights}
        return [node.name for node in self.graph.sources("parameter") if node.name in weights]

    @cached_property
    def arrays(self) -> dict[str, dict[str, Any]]:
        """Weights, states and inputs; first values with some noise, so that none of them are all zero."""
        draw = np.random.default_rng(self.compilation.options.seed or 0)
        weights, states = (
            {name: np.asarray(array) for name, array in group.items()}
            for group in initial(self.graph, jax.random.key(self.compilation.options.seed or 0))
        )
        weights = {name: _wide(array + 0.1 * draw.normal(size=array.shape)) for name, array in weights.items()}
        inputs: dict[str, Any] = {}
        for node in self.graph.sources("input"):
            shape: Any = node.type.shape
            values = (
                draw.normal(size=shape) if node.type.is_float else draw.integers(0, 2, shape)
            )  # 0 and 1 index anything
            inputs[node.name] = _wide(values.astype(JAX_DTYPES[node.type.dtype]))
        return {"parameter": weights, "state": {n: _wide(a) for n, a in states.items()}, "input": inputs}

    def _shaken(self, noise: float) -> list[dict[str, Any]]:
        draw = np.random.default_rng(1)

        def shaken(array: Any) -> Any:
            if not noise or array.dtype.kind != "f":
                return array
            return array * (1 + noise * (2 * draw.integers(0, 2, array.shape) - 1))

        return [{name: shaken(array) for name, array in group.items()} for group in self.arrays.values()]

    def _run(self, graph: Graph, noise: float = 0.0, training: bool | None = None) -> Found:
        program, key = lower(widened(graph)), jax.random.key(0)
        mode = self.training if training is None else training
        run = jax.jit(lambda *arrays: program(*arrays, training=mode, key=key))
        given = [
            {name: group[name] for name in (node.name for node in graph.sources(kind))}
            for kind, group in zip(self.arrays, self._shaken(noise), strict=True)
        ]
        outputs, states = run(*given)
        found = outputs | {f"next {name}": array for name, array in states.items()}
        return {name: np.asarray(array) for name, array in found.items()}

    def _by_jax(self, loss: str, names: list[str], noise: float = 0.0) -> Found:
        program, key = lower(widened(self.graph)), jax.random.key(0)
        weights, states, inputs = self._shaken(noise)

        def scalar(moved: Any, weights: Any, states: Any, inputs: Any) -> Any:
            return program({**weights, **moved}, states, inputs, training=True, key=key)[0][loss]

        found = jax.jit(jax.grad(scalar))({name: weights[name] for name in names}, weights, states, inputs)
        return {gradient_name(name): np.asarray(array) for name, array in found.items()}

    @cached_property
    def wanted(self) -> tuple[Found, Found]:
        """What the reference gives, and what it gives from numbers that are a little off."""
        return self._run(self.graph), self._run(self.graph, NOISE)

    def _against(self, what: str, found: Found, bound: float) -> Compared:
        return _nearest(what, found, *self.wanted, bound)

    def _must_be_finite(self) -> None:
        bad = [name for name, array in self.wanted[0].items() if not np.isfinite(array).all()]
        if bad:
            raise _failed(NumbersNotFinite(_span(self.compilation), bad[0].removeprefix("next ")))


def _nearest(what: str, found: Found, wanted: Found, moved: Found, bound: float) -> Compared:
    """The tensor that is nearest to its bound, or farthest beyond it."""
    most = max((_largest(array) for array in wanted.values()), default=1.0) or 1.0
    rows: list[Compared] = []
    for name, array in found.items():
        condition = _largest(moved[name].astype(np.float64) - wanted[name]) / NOISE
        # What is zero but for rounding is measured by the others.
        scale = max(_largest(wanted[name]), 1e-3 * most)
        difference = _largest(array.astype(np.float64) - wanted[name]) / scale
        rows.append(Compared(what, len(found), name, difference, bound * (condition / scale + 1)))
    return max(rows, key=lambda row: row.difference / row.bound) if rows else Compared(what, 0, "", 0.0, bound)


def _largest(array: Any) -> float:
    size = float(np.max(np.abs(array.astype(np.float64)), initial=0))
    return size if np.isfinite(size) else float("inf")


def _wide(array: Any) -> Any:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _bound(report: Report) -> float:
    return sum((step.optimization.bound for step in report.steps if step.taken), ROUNDING)


def _small(compilation: Compilation) -> Graph:
    """The graph that is compiled, for a small batch."""
    plan = compilation.plan
    if plan is None:
        dims = {
            name: min(size, LARGEST_BATCH) if name == "batch" else size
            for name, size in compilation.options.dims.items()
        }
        model = compilation.model
        return sized(model, {**sizes_of(model, {"batch": LARGEST_BATCH, **dims}), **dims})
    rows = min(plan.rows, LARGEST_BATCH)
    return compilation.task.forward(compilation.task.train, rows, compilation.task.scalars)


def flipped(graph: Graph) -> Graph:
    """The graph with its short loops side by side, and what was side by side in loops."""
    nodes = dict(graph.nodes)
    for name, node in graph.nodes.items():
        inner = {field: flipped(body) for field, body in bodies(node.op).items()}
        more: Mapping[str, Any] = (
            {"unroll": not node.op.unroll and node.op.times <= MOST_SIDE_BY_SIDE} if isinstance(node.op, Repeat) else {}
        )
        if inner:
            nodes[name] = replace(node, op=changed(node.op, **inner, **more))
    return replace(graph, nodes=nodes)


def _span(compilation: Compilation) -> Span:
    plan = compilation.plan
    return Span(compilation.source.name, 0, 0) if plan is None else plan.span


def _failed(problem: Problem) -> Failed:
    problems = Problems()
    problems.add(problem)
    return Failed(problems)

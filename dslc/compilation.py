"""A file on its way through the stages: what each of them made, and how long it took."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from dslc import compiler
from dslc.compiler import Options
from dslc.data.base import Parts, Records
from dslc.data.pipeline import Loaded
from dslc.data.schema import Schema
from dslc.errors.base import Failed, Problems
from dslc.errors.names import NothingChosen
from dslc.graph import Graph
from dslc.lazy import jax, np
from dslc.lower import Program, lower, shapes_of
from dslc.ops._remarks import remarked
from dslc.optimize import Report, optimize
from dslc.parse import parse, tree
from dslc.plan import Plan, Update
from dslc.recompute.choose import Choice
from dslc.resolve import Program as Declared
from dslc.sizes import sized, sizes_of
from dslc.source import Source, Span
from dslc.train.generator import base_key
from dslc.train.program import Loop
from dslc.train.task import Task, derived, fitted, make
from dslc.types import JAX_DTYPES

if TYPE_CHECKING:
    from jax.stages import Compiled, Lowered, Traced

T = TypeVar("T")


class stage(cached_property[T]):  # noqa: N801  # reads as a decorator
    """A property that is worked out once; `seconds` of the owner notes how long its own part took."""

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if owner is None or self.attrname in vars(owner):
            return super().__get__(owner, kind)
        seconds: dict[str, float] = owner.seconds
        noted, start = sum(seconds.values()), perf_counter()
        value = super().__get__(owner, kind)
        # What it asked other stages for is noted by now, under their names.
        seconds[str(self.attrname)] = perf_counter() - start - (sum(seconds.values()) - noted)
        return value


@dataclass(frozen=True)
class _Loop(Loop):
    """The training loop with a graph that has been made already."""

    graph: Graph | None = None

    def joint(self, update: Update) -> Program:
        assert self.graph is not None
        return lower(self.graph, self.source)


@dataclass(frozen=True)
class Compilation:
    """What a file becomes: the program of a training run where it has a train block for the model, else the model's function.

    Every stage is worked out when it is asked for.

    Raises:
        Failed: by the first stage that finds errors.
    """

    source: Source
    options: Options = field(default_factory=Options)
    passes: tuple[str, ...] | None = None
    problems: Problems = field(default_factory=Problems)
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    remarks: list[str] = field(default_factory=list[str])
    """What ops said of the ways that they took on this device, when the program was traced."""

    @stage
    def parse(self) -> tree.File:
        return parse(self.source, self.problems)

    @stage
    def resolve(self) -> Declared:
        return compiler.resolved(self.source, self.parse, self.problems, self.options)

    @stage
    def build(self) -> Graph:
        """The graph with all its sizes known."""
        if self.plan is None:
            return sized(self.model, sizes_of(self.model, self.options.dims))
        return self.task.forward(self.task.train, self.plan.rows, self.task.scalars)

    @cached_property
    def model(self) -> Graph:
        """The model by itself, free dimensions and all."""
        return compiler.graph_of(self.resolve, self.options, self.problems)

    @cached_property
    def plan(self) -> Plan | None:
        """How the model is trained; data that is not there is no matter while its shapes are known."""
        name = compiler.trained(self.resolve, self.options, self.problems)
        if name not in self.resolve.trains:
            return None
        try:
            made = compiler.plan_of(self.resolve, self.options, self.problems, must_have_data=False)
        except Failed:
            if self.problems.errors:
                raise
            return None  # Of data that is not there not even the fields are known: the model by itself is.
        return replace(made, passes=self.passes)

    @cached_property
    def task(self) -> Task:
        """The plan with one batch of zeros for data: a program is made for shapes."""
        assert self.plan is not None
        return make(self.plan, Loaded(_blank(self.plan), ()))

    @stage
    def optimize(self) -> tuple[Graph, Report]:
        if self.plan is None:
            return optimize(self.build, "inference", self.passes)
        return optimize(self.build, "training", self.passes, self.plan.precision)

    @stage
    def differentiate(self) -> Graph:
        if self.plan is None:
            names = tuple(self.resolve.trains)
            self.problems.add(NothingChosen(Span(self.source.name, 0, 0), "train block", self.build.name, names))
            raise Failed(self.problems)
        graph, updates = self.optimize[0], self.plan.updates
        # What fits is chosen for each update by itself: where they take turns the graph of all shows none of it.
        plan = self.plan if len(updates) == 1 else replace(self.plan, memory=None)
        for update in updates:
            graph = derived(graph, update, self.task.groups, plan)
        return graph

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """What each update computes again, by its name."""
        if self.plan is None:
            return {}
        found: dict[str, Choice] = {}
        for update in self.plan.updates:
            graph, _ = optimize(self.task.updating(update), "training", self.passes, self.plan.precision)
            found[update.name] = fitted(graph, update, self.task.groups, self.plan)
        return found

    @stage
    def trace(self) -> "Traced":
        with remarked() as said:
            made = self._traced()
        self.remarks.extend(said)
        return made

    def _traced(self) -> "Traced":
        if self.plan is None:
            return self._function()
        key = base_key(self.plan.seed)
        carry = jax.eval_shape(self.loop.start, key)
        data = self.task.train.table.arrays
        return jax.jit(self.loop.run, donate_argnums=0).trace(carry, data, key, np.int32(self.task.length.total))

    @property
    def loop(self) -> Loop:
        """The training loop, of a file with a train block."""
        assert self.plan is not None
        # Where updates take turns, each has a graph of its own.
        alone = len(self.plan.updates) == 1
        return _Loop(self.task, self.source, graph=self.differentiate) if alone else Loop(self.task, self.source)

    def _function(self) -> "Traced":
        graph, _ = self.optimize
        program = lower(graph, self.source)

        def apply(weights: Any, state: Any, inputs: Any) -> Any:
            return program(weights, state, inputs)[0]

        weights, state, inputs = (shapes_of(graph, kind) for kind in ("parameter", "state", "input"))
        return jax.jit(apply).trace(weights, state, inputs)

    @stage
    def lower(self) -> "Lowered":
        return self.trace.lower()

    @stage
    def compile(self) -> "Compiled":
        return self.lower.compile()


def _blank(plan: Plan) -> Parts:
    """One batch of zeros in the shapes of the data."""
    sizes = sizes_of(plan.graph, {"batch": plan.batch})
    types = {node.name: node.type for node in plan.graph.sources("input")}
    columns: dict[str, Any] = {}
    for name, type in types.items():
        shape = [int(size) for size in type.bind(sizes).shape]  # pyright: ignore[reportArgumentType]  # no size is open now
        columns[name] = np.zeros(shape, JAX_DTYPES[type.dtype])
    table = Records(Schema(types), columns)
    return Parts(table, test=table)

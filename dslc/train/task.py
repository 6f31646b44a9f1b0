"""A plan and its data, put together: what the programs of a run are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dslc.bind import bind, dims_of
from dslc.differentiate import differentiate
from dslc.errors.base import Failed, Problem, Problems
from dslc.errors.train import NothingToStopBy, NothingToTrain, TooFewRows
from dslc.graph import Graph
from dslc.lazy import jax, np
from dslc.optimize import optimize
from dslc.plan import Plan, Update
from dslc.recompute.choose import Choice
from dslc.recompute.fit import fit
from dslc.schedules.base import Length
from dslc.train.ema import with_means
from dslc.train.groups import Groups
from dslc.train.scaling import scales, with_scaled_loss

if TYPE_CHECKING:
    from dslc.data.base import Table
    from dslc.data.pipeline import Loaded


@dataclass(frozen=True)
class Part:
    """One part of the data, as it is trained on or measured."""

    name: str
    table: "Table"

    @property
    def rows(self) -> int:
        return self.table.rows()

    def fields(self, rows: int) -> "dict[str, jax.ShapeDtypeStruct]":
        """Shapes and dtypes of the fields of a batch."""
        index = jax.ShapeDtypeStruct((rows,), np.dtype("int32"))
        arrays = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in self.table.arrays.items()}
        return jax.eval_shape(self.table.gather, arrays, index)


@dataclass(frozen=True)
class Task:
    """A plan, the parts of its data with just the fields that are read, and how long the run is."""

    plan: Plan
    train: Part
    held_out: Mapping[str, Part]
    """The parts to measure on: `validation` and `test`, those that there are."""
    length: Length

    @property
    def watched(self) -> str | None:
        """The part whose loss decides which weights are best."""
        return next(iter(self.held_out), None)

    @property
    def scalars(self) -> tuple[str, ...]:
        return (*self.plan.losses, *self.plan.scalars)

    @cached_property
    def groups(self) -> Groups:
        """What the train block says of single weights."""
        return Groups(self.plan.graph, self.plan.groups)

    @cached_property
    def kept(self) -> Graph:
        """The graph whose parameters and states a run keeps: that of the plan, and the means of its weights."""
        trained = {name for update in self.plan.updates for name in self.groups.changed(update)}
        return with_means(self.plan.graph, sorted(trained), self.plan.ema)

    def forward(self, part: Part, rows: int, outputs: tuple[str, ...]) -> Graph:
        """The graph for batches of so many rows, with just these outputs."""
        wanted = {name: self.plan.graph.outputs[name] for name in outputs}
        graph = replace(self.plan.graph, outputs=wanted).live()
        # Of the whole graph: what is drawn has the size of the batch, also where no field is read.
        sizes = dims_of(self.plan.graph, {name: field.shape for name, field in part.fields(rows).items()})
        return bind(graph, {"batch": rows, **sizes})

    def updating(self, update: Update) -> Graph:
        """The graph of an update for a batch, forward: loss, scalars and those next states that it keeps."""
        graph = self.forward(self.train, self.plan.rows, (update.loss, *update.scalars))
        return replace(graph, updates={name: ref for name, ref in graph.updates.items() if name in update.states})

    def joint(self, update: Update) -> Graph:
        """The graph of an update: loss, scalars, next states and gradients."""
        graph, _ = optimize(self.updating(update), "training", self.plan.passes, self.plan.precision)
        return derived(graph, update, self.groups, self.plan)

    def measured(self, part: Part, rows: int) -> Graph:
        """The graph of a batch to measure: loss, scalars and the sums of metrics."""
        outputs = (*self.scalars, *(f"metric {name}" for name in self.plan.metrics))
        return optimize(self.forward(part, rows, outputs), "always", self.plan.passes, self.plan.precision)[0]


def derived(graph: Graph, update: Update, groups: Groups, plan: Plan) -> Graph:
    """The graph of an update with the gradients of its loss by those of the weights that it trains that are in it.

    Where the precision asks for it they are those of the loss times a factor, a state of the graph.

    Raises:
        Failed: when a step does not fit into the memory that the train block gives.
    """
    made, loss = fitted(graph, update, groups, plan).graph, update.loss
    outputs = made.outputs
    if scales(plan.precision):
        made, loss = with_scaled_loss(made, loss)
    derived = differentiate(made, loss, _trained(graph, update, groups))
    left = {name: ref for name, ref in derived.outputs.items() if name in outputs or name not in made.outputs}
    return replace(derived, outputs=left)


def fitted(graph: Graph, update: Update, groups: Groups, plan: Plan) -> Choice:
    """The graph of an update, with what the backward pass computes again so that a step fits into its memory.

    Raises:
        Failed: when it does not fit.
    """
    return fit(graph, plan, update, _trained(graph, update, groups))


def _trained(graph: Graph, update: Update, groups: Groups) -> list[str]:
    return [name for name in groups.changed(update) if name in graph.nodes]


def make(plan: Plan, loaded: "Loaded") -> Task:
    """Put a plan and its data together.

    Raises:
        Failed: when they do not fit.
    """
    read = {node.name for node in plan.graph.sources("input")}
    # A loss that reads no field at all still has rows to count.
    parts = {name: table.only(read or table.schema.fields) for name, table in loaded.parts.items()}
    train = Part("train", parts.pop("train"))
    held_out = {name: Part(name, table.for_evaluation()) for name, table in parts.items()}
    held_out = {name: part for name, part in held_out.items() if part.rows}
    if not plan.graph.sources("parameter"):
        raise failed(NothingToTrain(plan.span, plan.model))
    if train.rows < plan.batch:
        raise failed(TooFewRows(plan.spans.get("batch", plan.span), train.rows, plan.batch))
    if plan.early_stop is not None and not held_out:
        raise failed(NothingToStopBy(plan.spans.get("early_stop", plan.span)))
    return Task(plan, train, held_out, _length(plan, train.rows // plan.batch))


def _length(plan: Plan, per_epoch: int) -> Length:
    total = plan.steps if plan.steps is not None else (plan.epochs or 0) * per_epoch
    return Length(total, per_epoch)


def failed(problem: Problem) -> Failed:
    """One problem as the exception that stages raise."""
    problems = Problems()
    problems.add(problem)
    return Failed(problems)


def on_device(part: Part) -> Any:
    """The arrays of a part, moved to the device whole."""
    return jax.device_put(part.table.arrays)

"""A model for Python: pure functions on pytrees of arrays, to be used in any JAX program."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc import build as building
from dslc import compiler
from dslc.bind import bind, dims_of
from dslc.build.values import show
from dslc.data.folders import Folders
from dslc.errors.base import Failed, Problems
from dslc.errors.render import report
from dslc.graph import Graph
from dslc.initialize import initial
from dslc.lazy import jnp, np
from dslc.lower import lower
from dslc.optimize import optimize
from dslc.parse import parse, tree
from dslc.paths import shape_of
from dslc.plan import Plan, Update
from dslc.resolve import Program as Declared
from dslc.schedules.base import Length
from dslc.source import Source
from dslc.summary import Summary, count, summarize, type_text
from dslc.train.follow import followers
from dslc.train.groups import Groups
from dslc.train.load import of_sections
from dslc.train.packing import Packing
from dslc.train.scaling import scales, scaling
from dslc.train.task import derived
from dslc.train.update import Changing, Moving
from dslc.train.weights import stored
from dslc.types import JAX_DTYPES
from dslc.view import View, page

if TYPE_CHECKING:
    from jax import Array
    from optax import GradientTransformation

Params = dict[str, dict[str, Any]]
"""`{"weights": {name: array}, "state": {name: array}}`; the state holds statistics such as those of batch norm."""


class FileHasErrors(ValueError):
    """A `.net` file has errors; the text shows all of them with their places, `problems` holds them as objects."""

    def __init__(self, problems: Problems, sources: Mapping[str, Source]) -> None:
        super().__init__("\n" + report(problems, sources))
        self.problems = problems


def load(
    path: str,
    model: str | None,
    variant: str | None,
    settings: Mapping[str, Any],
    dims: Mapping[str, int],
    data: tuple[Path, ...],
) -> "Model":
    """The model of a file; see `dslc.load`."""
    given = {name: value if isinstance(value, str) else show(value) for name, value in settings.items()}
    options = compiler.Options(model, variant, given, dims, data)
    sources = {source.name: source for source in (compiler.setting_source(*item) for item in given.items())}
    try:
        source = compiler.read(path)
        sources[source.name] = source
        problems = Problems()
        declared = compiler.resolved(source, parse(source, problems), problems, options)
        return Model(source, options, declared, compiler.graph_of(declared, options, problems), sources)
    except Failed as failed:
        raise FileHasErrors(failed.problems, sources) from None


@dataclass(frozen=True, eq=False)
class Model:
    """A model of a `.net` file. Its functions are pure, and can be compiled, differentiated and mapped like any others.

    What it learns and keeps is `params`, a dictionary of two: `weights`, which a gradient is taken of, and `state`.
    """

    source: Source
    options: compiler.Options
    declared: Declared = field(repr=False)
    graph: Graph = field(repr=False)
    sources: Mapping[str, Source] = field(repr=False)

    @property
    def name(self) -> str:
        return self.graph.name

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return count(self.graph, "parameter")

    def init(self, key: "Array | int") -> Params:
        """First values, from a random key or a seed."""
        from dslc.lazy import jax  # noqa: PLC0415

        start = jax.jit(lambda key: initial(self.graph, key))  # one program, not one for every draw
        weights, state = start(jax.random.key(key) if isinstance(key, int) else key)
        return {"weights": weights, "state": state}

    def pretrained(self, key: "Array | int" = 0) -> Params:
        """First values with those that the `weights` sections of the file take from files; the fresh ones are drawn.

        Raises:
            FileHasErrors: when a file is not there or does not fit.
            ValueError: when the file has no section for this model.
        """
        found = building.sections(self.declared, self.name, self.graph, None)
        if found is None:
            raise ValueError(f"{self.source.name} has no `weights` section for the model {self.name!r}")
        try:
            begin = of_sections(found, Folders(Path(self.source.name).parent, self.options.data))
            arrays = begin.into(self._drawn(begin.lacking(self.graph), key), self.graph)
        except Failed as failed:
            raise FileHasErrors(failed.problems, self.sources) from None
        kinds = {"weights": "parameter", "state": "state"}
        return {
            name: {node.name: arrays[node.name] for node in self.graph.sources(kind)} for name, kind in kinds.items()
        }

    def _drawn(self, names: frozenset[str], key: "Array | int") -> dict[str, Any]:
        """First values of these weights and states; the others are zeros, and no program is compiled to draw them."""
        from dslc.lazy import jax  # noqa: PLC0415

        found = {node.name: np.zeros(shape_of(node), JAX_DTYPES[node.type.dtype]) for node in stored(self.graph)}

        def draw(key: "Array") -> "dict[str, Array]":
            weights, state = initial(self.graph, key)
            return {name: array for name, array in {**weights, **state}.items() if name in names}

        key = jax.random.key(key) if isinstance(key, int) else key
        return found | (jax.jit(draw)(key) if names else {})

    def apply(self, params: Params, inputs: Any, train: bool = False, key: "Array | None" = None) -> Any:
        """The outputs by name; with `train`, a tuple of these and the next state.

        Args:
            params: what `init` or a training step gave.
            inputs: arrays by the name of the input, or the array itself where there is one input.
            train: whether dropout and its like act, and statistics are those of the batch.
            key: random key of this call, needed where something draws random numbers.

        Raises:
            dslc.bind.Unfit: when the shapes of the inputs do not fit the model.
        """
        given = self._given(self.graph, inputs)
        graph = bind(self.graph, dims_of(self.graph, {name: array.shape for name, array in given.items()}))
        graph, _ = optimize(graph, "always", (), self.precision)
        outputs, state = lower(graph, self.source)(params["weights"], params["state"], given, training=train, key=key)
        return (outputs, {**params["state"], **state}) if train else outputs

    @cached_property
    def plan(self) -> Plan:
        """The train block of the model.

        Raises:
            FileHasErrors: when there is none, or it has errors.
        """
        problems = Problems()
        options = replace(self.options, model=self.name)
        try:
            return compiler.plan_of(self.declared, options, problems, must_have_data=False)
        except Failed as failed:
            raise FileHasErrors(failed.problems, self.sources) from None

    @cached_property
    def precision(self) -> str:
        """The floats that it computes in: those of its train block, `f32` where that says nothing."""
        train = self.declared.trains.get(self.name)
        written = {
            name.text for item in (train.body if train else ()) if isinstance(item, tree.Assign) for name in item.names
        }
        asked = {item.name for item in self.declared.overrides}
        return self.plan.precision if train and "precision" in written | asked else "f32"

    def loss(self, params: Params, batch: Mapping[str, Any], train: bool = False, key: "Array | None" = None) -> Any:
        """The loss of the train block on a batch of the fields of its data; with `train`, a tuple of it and the next state."""
        graph, _ = optimize(self._bound(batch), "always", (), self.precision)
        outputs, state = lower(graph, self.source)(
            params["weights"], params["state"], self._fields(batch), training=train, key=key
        )
        loss = outputs[self._update.loss]
        return (loss, {**params["state"], **state}) if train else loss

    def optimizer(self, run: Length | None = None) -> "GradientTransformation":
        """The optimizer of the train block, as Optax has it; a schedule needs the length of the `run`.

        Its state for `train_step` is `model.optimizer().init(params["weights"])`.
        """
        rule = self._groups.rule(self._update.optimizer, run or Length(1, 1))
        return scaling(rule) if scales(self.plan.precision) else rule

    def train_step(
        self,
        params: Params,
        optimizer: Any,
        batch: Mapping[str, Any],
        key: "Array | None" = None,
        run: Length | None = None,
    ) -> tuple[Params, Any, dict[str, Any]]:
        """One step as `dslc train` takes it: the next `params`, the next state of the optimizer, and the loss and scalars.

        Args:
            params: what `init` or the step before gave.
            optimizer: the state of the optimizer, at first `model.optimizer().init(params["weights"])`.
            batch: arrays by field of the data.
            key: random key of this step, needed where something draws random numbers.
            run: length of the run, for a schedule.
        """
        weights, update, count = params["weights"], self._update, self.plan.accumulate
        if self.plan.ema is not None:
            raise ValueError("the train block keeps means of the weights (`ema`): train it with `dslc train`")
        fields = self._fields(batch)
        forward, _ = optimize(self._bound(_first(fields, count)), "training", precision=self.plan.precision)
        program = lower(derived(forward, update, self._groups, self.plan), self.source)
        changing = Changing(
            update, program, self.optimizer(run), Packing({}), self._groups, count, scales(self.plan.precision)
        )
        moving, optimizer = changing(Moving(weights, params["state"], {}, jnp.ones((), bool)), optimizer, fields, key)
        return {"weights": moving.weights, "state": moving.state}, optimizer, moving.told

    @cached_property
    def _groups(self) -> Groups:
        return Groups(self.plan.graph, self.plan.groups)

    @property
    def _update(self) -> Update:
        """What a training step changes.

        Raises:
            ValueError: when it changes several things, one after the other, or keeps copies: that takes a loop.
        """
        if followers(self.plan.graph):
            raise ValueError("the train block keeps copies of weights that follow them: train it with `dslc train`")
        first, *others = self.plan.updates
        if others:
            names = ", ".join(f"`{update.name}`" for update in self.plan.updates)
            raise ValueError(f"the train block has several steps ({names}): train it with `dslc train`")
        return first

    def summary(self, **dims: int) -> Summary:
        """What the model is made of, with costs at these sizes of its free dimensions (1 where none is given)."""
        try:
            return summarize(self.graph, self.source, dims)
        except Failed as failed:
            raise FileHasErrors(failed.problems, self.sources) from None

    def _bound(self, batch: Mapping[str, Any]) -> Graph:
        """The graph of the loss and the scalars for the shapes of a batch."""
        graph = self.plan.graph
        wanted = (self._update.loss, *self._update.scalars)
        graph = replace(graph, outputs={name: graph.outputs[name] for name in wanted}).live()
        given = self._fields(batch)
        return bind(graph, dims_of(graph, {node.name: given[node.name].shape for node in graph.sources("input")}))

    def _fields(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        wanted = [node.name for node in self.plan.graph.sources("input")]
        missing = [name for name in wanted if name not in batch]
        if missing:
            raise KeyError(f"the batch has no field {missing[0]!r}; the train block reads {', '.join(wanted)}")
        return {name: batch[name] for name in wanted}

    def _given(self, graph: Graph, inputs: Any) -> dict[str, Any]:
        """Arrays by name of the input."""
        wanted = [node.name for node in graph.sources("input")]
        given = dict(inputs) if isinstance(inputs, Mapping) else {wanted[0]: inputs} if len(wanted) == 1 else None
        if given is None or set(given) != set(wanted):
            raise KeyError(f"the model {self.name!r} takes the inputs {', '.join(wanted)}, as a dictionary")
        return given

    def __repr__(self) -> str:
        inputs, outputs = (
            ", ".join(f"{name} {type_text(type)}" for name, type in ends)
            for ends in (
                [(node.name, node.type) for node in self.graph.sources("input")],
                [(name, self.graph.type(ref)) for name, ref in self.graph.outputs.items()],
            )
        )
        return f"<Model {self.name}: {inputs} -> {outputs}, {self.parameters:,} weights>"

    def _repr_html_(self) -> str:
        """The page of `dslc view`, for notebooks."""
        text = escape(page([View("model", self.graph)], [self.source]))
        return f'<iframe srcdoc="{text}" style="width: 100%; height: 640px; border: 0"></iframe>'


def _first(fields: Mapping[str, Any], count: int) -> Mapping[str, Any]:
    """The first of so many micro-batches."""
    for name, array in fields.items():
        if array.shape[0] % count:
            raise ValueError(f"{name!r} has {array.shape[0]} rows, which do not divide by `accumulate = {count}`")
    return {name: array[: array.shape[0] // count] for name, array in fields.items()}

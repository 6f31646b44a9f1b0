"""A train block to a plan: its settings, and one graph from the fields of the data to the losses."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dslc.build import blocks, data, evaluate, groups, metrics, models, nodes
from dslc.build.applied import Applied
from dslc.build.frame import Place
from dslc.build.initial import choose
from dslc.build.scope import Binding, Build, Env, Scope
from dslc.build.steps import Owner, Steps, require
from dslc.build.train_settings import BLOCK, RULE, SPECIAL, Given
from dslc.build.values import BROKEN, Skip
from dslc.data.schema import Schema
from dslc.errors.base import Note, Problems
from dslc.errors.placement import WrongStatement
from dslc.errors.settings import UnknownSetting
from dslc.errors.steps import LossBesideSteps
from dslc.errors.training import MissingInput, MissingTrainSetting
from dslc.graph import Graph, Node
from dslc.initializers.base import INITIALIZERS
from dslc.ops.base import OPS
from dslc.parse import tree
from dslc.plan import Plan
from dslc.resolve import Program
from dslc.source import Span

PROGRESS = "progress"
EXAMPLES = {"data": "data = digits() -> split(0.8, 0.2)", "loss": "loss = (logits, label) -> cross_entropy"}


def plan(
    program: Program, name: str, variant: str | None, problems: Problems, folders: tuple[Path, ...] = (),
    must_have_data: bool = False,
) -> Plan | None:  # fmt: skip
    """The plan of a train block; None when it has problems (they are reported) or its data's fields are unknown."""
    section = program.trains[name]
    build = Build(program, problems, dict(program.dims))
    env = models.root(build, name)
    build.applied = Applied(program, env.frame, name if program.model(name) else None, variant)
    try:
        return _Training(env, section, variant, folders, must_have_data).plan()
    except Skip:
        return None


class _Fields(Scope):
    """Names of a train block; an output of the model exists as soon as something reads it."""

    training: "_Training"

    def find(self, name: str) -> Binding | None:
        found = super().find(name)
        if found is None and name in self.training.outputs and self.training.has_data and not self.training.applied:
            self.training.apply_model()
            found = super().find(name)
        if found is None and name == PROGRESS and self.training.has_data:
            found = self.names[name] = self.training.clock()
        return found


@dataclass
class _Training:
    env: Env
    section: tree.Section
    variant: str | None
    folders: tuple[Path, ...]
    must_have_data: bool
    has_data: bool = False
    """The fields of the data are bound; before that nothing can read the model."""
    applied: bool = False
    outputs: tuple[str, ...] = ()
    """Those of the model that the block names."""
    own: list[tree.Item] = field(default_factory=list[tree.Item])
    """Settings of that model."""

    def plan(self) -> Plan:
        name, problems = self.section.name.text, self.env.build.problems
        scope = _Fields()
        scope.training = self
        self.env = replace(self.env, scope=scope, place=Place(self.env.frame, "train"))
        given = Given(self.env, f"train {name}", BLOCK, SPECIAL)
        given.sort(self.section.body, self._head(self._overridden()))
        steps = self._steps(given)
        chosen = given.values()
        schema = self._data(given)
        made = Steps(given, {key: chosen.pop(key) for key in RULE if key in chosen}, steps)
        made.run()
        if "metrics" in given.settings:
            metrics.add(self.env, given.settings["metrics"], made.shared)
        metrics.check_classes(self.env, schema)
        applied = self.env.build.applied
        assert applied is not None
        applied.settle(self.env)
        if problems.errors:
            raise Skip
        graph = self._graph(made)
        data.require_read(self.env, self.pipeline, graph, given.settings["data"])
        updates = made.updates(graph, Owner(applied.own, tuple(applied.places)))
        weighed = [item for item in given.others if isinstance(item, tree.WeightGroup)]
        chosen["groups"] = groups.read(self.env, weighed, graph, updates)
        if problems.errors:
            raise Skip
        spans = {name: item.span for name, item in given.settings.items()}
        return Plan(
            name, name, graph, self.pipeline, updates, metrics=made.metrics(), span=self.section.name.span,
            spans=spans, **chosen,
        )  # fmt: skip

    def _overridden(self) -> Sequence[tree.Item]:
        """What the command line sets of the block; settings of the model that it names are kept apart."""
        program, known = self.env.build.program, settable(self.section)
        name = self.section.name.text
        found = program.model(name)
        if found is not None:
            block, self.variant = found[1], program.variant(name, self.variant)
            self.outputs = models.output_names(block)
            of = models.varied(program, self.variant) if self.variant else None
            variant = self.variant if of in (None, self.section.name.text) else None
            head = frozenset(parameter.name.text for parameter in self.section.parameters)
            self.own, rest = models.overridden(program, block, variant, known, head)
            return rest
        of_models = {parameter.name.text for model in program.models.values() for parameter in model.parameters}
        for item in program.overrides:
            if item.name not in known | of_models:
                names = tuple(sorted(known | of_models))
                problem = UnknownSetting(item.span, f"train {name}", item.name or "", None, names)
                self.env.build.problems.add(problem)
        return [item for item in program.overrides if item.name in known]

    def _head(self, rest: Sequence[tree.Item]) -> list[tree.Item]:
        """Bind the constants of the head; gives what the command line sets besides them."""
        bind_head(self.env, self.section, rest)
        names = {parameter.name.text for parameter in self.section.parameters}
        return [item for item in rest if item.name not in names]

    def _steps(self, given: Given) -> tuple[tree.Step, ...]:
        """The steps, with what else stands in the block refused."""
        steps = tuple(item for item in given.others if isinstance(item, tree.Step))
        for item in given.others:
            if not isinstance(item, tree.Step | tree.WeightGroup):
                self.env.build.problems.add(
                    WrongStatement(item.span, "this", "a `train` block", "a model, a `sample` or a `weights` section")
                )
        if steps and "loss" in given.settings:
            loss = given.settings.pop("loss")
            self.env.build.problems.add(LossBesideSteps(loss.names[0].span, steps[0].name.text))
        wanted = ("data",) if steps else ("data", "loss")
        require(given, self.section.name.span, "the train block", {name: EXAMPLES[name] for name in wanted})
        return steps

    def _data(self, given: Given) -> Schema:
        """Read what is known of the data, and bind its fields.

        Raises:
            Skip: when that is nothing.
        """
        item = given.settings["data"].value
        self.pipeline = data.pipeline(self.env, item)
        schema = data.schema(self.env, self.pipeline, item, self.folders, self.must_have_data)
        if schema is None:
            raise Skip
        for name, type in schema.fields.items():
            span = given.settings["data"].names[0].span
            field = self.env.frame.tensor(self.env.frame.input(name, type, span))
            self.env.bind(name, field, span, "field of the data")
        self.schema, self.has_data = schema, True
        self.env.scope.names.setdefault("batch", Binding(schema_batch(schema), self.section.span, "dimension"))
        return schema

    def clock(self) -> Binding:
        """The share of the run that is done, as a tensor."""
        kind: Any = OPS["state"]
        first: Any = INITIALIZERS["constant"]
        builder, span = self.env.frame.builder, self.section.name.span
        op = kind(init=first(0.0), clock=True)
        ref = builder.add(Node(builder.fresh(PROGRESS), op, types=(op.infer(),), path=PROGRESS, span=span))
        return Binding(self.env.frame.tensor(ref), span, "share of the run that is done")

    def apply_model(self) -> None:
        """Build the model on the block's values and the data's fields, and name its outputs."""
        self.applied = True
        build, name = self.env.build, self.section.name.text
        found = build.program.model(name)
        assert found is not None, "it was there when the block began"
        home, block = found
        outer = replace(self.env, scope=Scope(), place=Place(self.env.frame), it=None)
        env = models.at_home(outer, name, self.variant)
        build.active.append(home.title(block.name.text))
        try:
            models.bind(env, block, self.own, outer)
            made = models.outputs(env, block, self._model_input)
            for output, tensor in made.items():
                if output not in self.env.scope.names:
                    self.env.bind(output, tensor, block.name.span, "output of the model")
        except Skip:
            for output in self.outputs:
                if output not in self.env.scope.names:
                    self.env.bind(output, BROKEN, block.name.span, "output of the model")
        finally:
            build.active.pop()

    def _model_input(self, env: Env, item: tree.TypeTree, name: str, span: Span, default: tree.Tree | None) -> Any:
        found = self.env.scope.names.get(name)
        if found is not None and found.value is BROKEN:
            raise Skip
        if found is None:
            if default is not None:
                return models.declared(env, item, name, span, default)
            fields = tuple((field, str(type)) for field, type in self.schema.fields.items())
            origins = (Note(span, "the model takes it here"),)
            raise env.fail(MissingInput(self.section.name.span, self.section.name.text, name, fields, origins))
        tensor = nodes.constant(self.env, found.value, None, span)
        blocks.meet_input(env, item, tensor, self.section.name.text, name, span)
        return tensor

    def _graph(self, steps: Steps) -> Graph:
        builder = self.env.frame.builder
        builder.outputs = {name: self.env.frame.ref(tensor) for name, tensor in steps.outputs().items()}
        made = self.env.build
        return replace(choose(builder.graph()).live(), remarks=tuple(made.remarks), budgets=tuple(made.budgets))


def bind_head(env: Env, section: tree.Section, given: Sequence[tree.Item]) -> None:
    """Bind the constants in the head of a train or sample block; `given` are values of the command line."""
    values = {item.name: item.value for item in given}
    for parameter in section.parameters:
        name = parameter.name.text
        value = values.get(name, parameter.default)
        if value is None:
            owner = f"the {section.kind} block"
            raise env.fail(MissingTrainSetting(parameter.span, name, f"{name} = ...", owner))
        env.bind(name, evaluate.value(env, value), parameter.span, "setting")


def schema_batch(schema: Schema) -> Any:
    """The batch dimension of the fields."""
    return next(iter(schema.fields.values())).shape[0]


def settable(section: tree.Section) -> frozenset[str]:
    """What the command line may set of a train block."""
    return frozenset({*BLOCK, *SPECIAL, *(parameter.name.text for parameter in section.parameters)})

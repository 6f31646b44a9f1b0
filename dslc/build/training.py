"""A train block to a plan: its settings, and one graph from the fields of the data to the loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dslc.build import blocks, data, evaluate, groups, models, nodes, settings
from dslc.build.frame import Place
from dslc.build.initial import choose
from dslc.build.scope import Binding, Build, Env, Scope
from dslc.build.values import BROKEN, Skip, Tensor, kind_of
from dslc.catalogue import nearest
from dslc.data.schema import Schema
from dslc.errors.base import Note, Problems
from dslc.errors.resolve import NotWorkingYet, WrongKind
from dslc.errors.training import (
    BothLengths,
    ClassesDiffer,
    LossNotScalar,
    MetricsAmbiguous,
    MissingInput,
    MissingTrainSetting,
    NotAMetric,
    OutOfRange,
    UnknownTrainSetting,
)
from dslc.graph import Graph, Node
from dslc.ops.base import OPS
from dslc.ops.loss.base import Loss
from dslc.ops.metric.base import Metric
from dslc.optimizers.base import OPTIMIZERS, Optimizer
from dslc.parse import tree
from dslc.plan import Duration, Plan
from dslc.resolve import Program, meant
from dslc.source import Span

SETTINGS: Mapping[str, Any] = {
    "optimizer": Optimizer, "batch": int, "epochs": int, "steps": int, "seed": int, "clip": float, "l1": float,
    "l2": float, "early_stop": Duration, "checkpoint": Duration, "validate": Duration, "log": Duration,
}  # fmt: skip
LATER = ("precision", "ema", "start", "accumulate", "memory")
SPECIAL = ("data", "loss", "metrics")
POSITIVE = ("batch", "epochs", "steps", "clip")


def plan(
    program: Program, name: str, variant: str | None, problems: Problems, folders: tuple[Path, ...] = (),
    must_have_data: bool = False,
) -> Plan | None:  # fmt: skip
    """The plan of a train block; None when it has problems (they are reported) or its data's fields are unknown."""
    section = program.trains[name]
    build = Build(program, problems, dict(program.dims), training=True)
    env = models.root(build, name)
    if name not in program.models:
        problems.add(NotWorkingYet(section.name.span, "a train block that applies models by hand"))
        return None
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
    metrics: dict[str, Metric] = field(default_factory=dict[str, Metric])
    settings: dict[str, tree.Assign] = field(default_factory=dict[str, tree.Assign])
    groups: list[tree.WeightGroup] = field(default_factory=list[tree.WeightGroup])

    def plan(self) -> Plan:
        build = self.env.build
        self.block = build.program.models[self.section.name.text]
        self.outputs = models.output_names(self.block)
        scope = _Fields()
        scope.training = self
        self.env = replace(self.env, scope=scope, place=Place(self.env.frame, "train"))
        self.given, rest = models.overridden(build.program, self.block, self.variant, settable(self.section))
        rest = self._head(rest)
        statements = self._sort(rest)
        chosen = self._settings()
        pipeline, schema = self._data()
        if schema is None:
            raise Skip
        for name, type in schema.fields.items():
            span = self.settings["data"].names[0].span
            self.env.bind(
                name, self.env.frame.tensor(self.env.frame.input(name, type, span)), span, "field of the data"
            )
        self.schema, self.has_data = schema, True
        self.env.scope.names.setdefault("batch", Binding(schema_batch(schema), self.section.span, "dimension"))
        self._statements(statements)
        scalars = self._scalars(statements)
        self._metrics()
        self._check_classes(schema)
        graph = self._graph(scalars)
        chosen["groups"] = groups.read(self.env, self.groups, graph, chosen["optimizer"])
        if build.problems.errors:
            raise Skip
        spans = {name: item.span for name, item in self.settings.items()}
        return Plan(
            self.section.name.text, self.block.name.text, graph, pipeline,
            scalars=tuple(scalars), metrics=self.metrics, span=self.section.name.span, spans=spans, **chosen,
        )  # fmt: skip

    def _head(self, rest: Sequence[tree.Item]) -> list[tree.Item]:
        """Bind the constants of the head; gives what the command line sets besides them."""
        names = {parameter.name.text for parameter in self.section.parameters}
        given = {item.name: item.value for item in rest if item.name in names}
        for parameter in self.section.parameters:
            value = given.get(parameter.name.text, parameter.default)
            if value is None:
                problem = MissingTrainSetting(parameter.span, parameter.name.text, f"{parameter.name.text} = ...")
                raise self.env.fail(problem)
            self.env.bind(parameter.name.text, evaluate.value(self.env, value), parameter.span, "setting")
        return [item for item in rest if item.name not in names]

    def _sort(self, rest: Sequence[tree.Item]) -> list[tree.Assign | tree.Require]:
        """Settings to one side, statements to the other; what does not work yet is a problem."""
        add = self.env.build.problems.add
        statements: list[tree.Assign | tree.Require] = []
        for item in self.section.body:
            name = item.names[0].text if isinstance(item, tree.Assign) else ""
            if isinstance(item, tree.Assign) and len(item.names) == 1 and (name in SETTINGS or name in SPECIAL):
                if name in self.settings:
                    self.env.bind(name, None, self.settings[name].names[0].span, "setting")
                    self.env.bind(name, None, item.names[0].span, "setting")
                self.settings[name] = item
            elif name in LATER:
                add(NotWorkingYet(item.span, f"`{name}` of a train block"))
            elif isinstance(item, tree.Assign | tree.Require):
                statements.append(item)
            elif isinstance(item, tree.WeightGroup):
                self.groups.append(item)
            else:
                what = {"Step": "`step`"}.get(type(item).__name__, "this statement")
                add(NotWorkingYet(item.span, f"{what} in a train block"))
        for item in rest:
            name = tree.Name(item.span, item.name or "")
            self.settings[name.text] = tree.Assign(item.span, (name,), item.value)
        return statements

    def _settings(self) -> dict[str, Any]:
        """Values of the settings that are given."""
        chosen: dict[str, Any] = {}
        for name, item in self.settings.items():
            if name in SPECIAL:
                continue
            try:
                chosen[name] = settings.setting(self.env, item.value, SETTINGS[name], "train", name)
            except Skip:
                continue
            low = 1 if SETTINGS[name] is int else 0
            if name in POSITIVE and (chosen[name] < low or (name == "clip" and chosen[name] == 0)):
                wanted = "at least 1" if low else "above 0"
                self.env.build.problems.add(OutOfRange(item.value.span, name, str(chosen[name]), wanted))
            if name in ("l1", "l2") and chosen[name] < 0:
                self.env.build.problems.add(OutOfRange(item.value.span, name, str(chosen[name]), "at least 0"))
        if "epochs" in chosen and "steps" in chosen:
            self.env.build.problems.add(BothLengths(self.settings["steps"].span))
        if "steps" in chosen:
            chosen["epochs"] = None
        chosen.setdefault("optimizer", OPTIMIZERS["adam"]())
        return chosen

    def _data(self) -> tuple[Any, Schema | None]:
        if any(isinstance(item, tree.Step) for item in self.section.body):
            raise Skip  # its steps hold the losses, and that they do not work yet is reported
        missing = [name for name in ("data", "loss") if name not in self.settings]
        for name in missing:
            suggestion = {
                "data": "data = digits() -> split(0.8, 0.2)",
                "loss": "loss = (logits, label) -> cross_entropy",
            }[name]
            self.env.build.problems.add(MissingTrainSetting(self.section.name.span, name, suggestion))
        if missing:
            raise Skip
        item = self.settings["data"].value
        made = data.pipeline(self.env, item)
        return made, data.schema(self.env, made, item, self.folders, self.must_have_data)

    def _statements(self, statements: Sequence[tree.Assign | tree.Require]) -> None:
        """Run the statements in order; the loss comes last, whose names they are."""
        for item in (*statements, self.settings["loss"]):
            try:
                if isinstance(item, tree.Require):
                    blocks.require(self.env, item)
                    continue
                value = blocks.assign(self.env, item.names, item.value)
                if not isinstance(value, Tensor) and len(item.names) == 1 and item is not self.settings["loss"]:
                    self._refuse_constant(item)
            except Skip:
                for name in item.names if isinstance(item, tree.Assign) else ():
                    if self.env.scope.find(name.text) is None:
                        self.env.bind(name.text, BROKEN, name.span, "tensor")

    def _refuse_constant(self, item: tree.Assign) -> None:
        name, span = item.names[0].text, item.names[0].span
        near, sure = meant.setting_name(name, (*SETTINGS, *SPECIAL, *LATER))
        self.env.build.problems.add(UnknownTrainSetting(span, name, near, f"train {self.section.name.text}", sure))

    def apply_model(self) -> None:
        """Build the model on the block's values and the data's fields, and name its outputs."""
        self.applied = True
        build = self.env.build
        env = replace(self.env, scope=Scope(), place=Place(self.env.frame), it=None)
        build.active.append(self.block.name.text)
        try:
            models.bind(env, self.block, self.given)
            made = models.outputs(env, self.block, self._model_input)
            for name, tensor in made.items():
                if name not in self.env.scope.names:
                    self.env.bind(name, tensor, self.block.name.span, "output of the model")
        except Skip:
            for name in self.outputs:
                if name not in self.env.scope.names:
                    self.env.bind(name, BROKEN, self.block.name.span, "output of the model")
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
            raise env.fail(MissingInput(self.section.name.span, self.block.name.text, name, fields, origins))
        tensor = nodes.constant(self.env, found.value, None, span)
        blocks.meet_input(env, item, tensor, self.block.name.text, name, span)
        return tensor

    def _scalars(self, statements: Sequence[tree.Tree]) -> dict[str, Tensor]:
        """The loss and every scalar that has a name; metrics that are piped by hand are noted."""
        loss = self.env.read("loss", self.settings["loss"].span)
        if loss is None:
            raise Skip
        value = loss.value
        if not isinstance(value, Tensor):
            problem = WrongKind(
                self.settings["loss"].value.span,
                f"the loss is a tensor, and this is {kind_of(value)}",
                "write `loss = (prediction, target) -> cross_entropy`",
            )
            raise self.env.fail(problem)
        if value.type.shape != () or not value.type.is_float:
            raise self.env.fail(LossNotScalar(self.settings["loss"].value.span, str(value.type)))
        found: dict[str, Tensor] = {}
        for item in statements:
            for name in item.names if isinstance(item, tree.Assign) else ():
                value = self.env.scope.names[name.text].value if name.text in self.env.scope.names else None
                if not isinstance(value, Tensor):
                    continue
                op = self._node(value).op
                if isinstance(op, Metric):
                    self.metrics[name.text] = op
                elif value.type.shape == () and value.type.is_float:
                    found[name.text] = value
        return found

    def _node(self, tensor: Tensor) -> Node:
        return tensor.home.builder.nodes[tensor.ref.node]

    def _metrics(self) -> None:
        """`metrics = [accuracy]`: each takes what the only loss takes."""
        item = self.settings.get("metrics")
        if item is None:
            return
        losses = [node for node in self.env.frame.builder.nodes.values() if isinstance(node.op, Loss)]
        for part in _listed(self.env, item.value):
            callee = part.callee if isinstance(part, tree.Call) else part
            name = callee.text if isinstance(callee, tree.Name) else "this"
            if name not in OPS or not issubclass(OPS[name], Metric):
                known = tuple(other for other in OPS.names() if issubclass(OPS[other], Metric))
                near = nearest(name, known)
                self.env.build.problems.add(NotAMetric(part.span, name, near, meant.sure(name, near)))
                continue
            if len(losses) != 1:
                self.env.build.problems.add(MetricsAmbiguous(item.names[0].span, len(losses), name))
                return
            try:
                arguments = part.arguments if isinstance(part, tree.Call) else ()
                op = settings.entry(self.env, OPS[name], arguments, part.span)
                given = [self.env.frame.tensor(ref) if ref else None for ref in losses[0].inputs]
                value = nodes.add(self.env, op, given[: len(op.inputs())], name, part.span)
            except Skip:
                continue
            self.metrics[name] = op
            self.env.scope.names.setdefault(name, Binding(value, part.span, "metric"))

    def _check_classes(self, schema: Schema) -> None:
        """As many logits as the data has classes."""
        for node in list(self.env.frame.builder.nodes.values()):
            if not isinstance(node.op, Loss) or node.op.takes != "logits" or len(node.inputs) < 2:
                continue
            logits, target = (self.env.frame.builder.type(ref) if ref else None for ref in node.inputs[:2])
            field = node.inputs[1].node if node.inputs[1] else ""
            if field not in schema.classes or logits is None or target is None or logits.rank != target.rank + 1:
                continue
            width = logits.shape[-1]
            if isinstance(width, int) and width != schema.classes[field] and node.inputs[0] is not None:
                origin = self.env.frame.builder.nodes[node.inputs[0].node]
                notes = (Note(origin.span, f"the logits are {logits} from here"),)
                self.env.build.problems.add(ClassesDiffer(node.span, width, schema.classes[field], field, notes))

    def _graph(self, scalars: Mapping[str, Tensor]) -> Graph:
        frame = self.env.frame
        names = self.env.scope.names
        frame.builder.outputs = {"loss": frame.ref(names["loss"].value)}
        frame.builder.outputs |= {name: frame.ref(tensor) for name, tensor in scalars.items() if name != "loss"}
        frame.builder.outputs |= {f"metric {name}": frame.ref(names[name].value) for name in self.metrics}
        return choose(frame.builder.graph()).live()


def schema_batch(schema: Schema) -> Any:
    """The batch dimension of the fields."""
    return next(iter(schema.fields.values())).shape[0]


def settable(section: tree.Section) -> frozenset[str]:
    """What the command line may set of a train block."""
    return frozenset({*SETTINGS, *SPECIAL, *(parameter.name.text for parameter in section.parameters)})


def _listed(env: Env, item: tree.Tree) -> list[Any]:
    """The members of a list as they are written."""
    while isinstance(item, tree.Pipe) and len(item.stages) == 1:
        item = item.stages[0].value
    if not isinstance(item, tree.List):
        raise env.fail(WrongKind(item.span, "`metrics` is a list", "write `metrics = [accuracy]`"))
    return [_bare(part) for part in item.items]


def _bare(item: tree.Tree) -> tree.Tree:
    while isinstance(item, tree.Pipe) and len(item.stages) == 1:
        item = item.stages[0].value
    return item

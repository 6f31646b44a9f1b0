"""What a training step changes: one update for each `step` of a train block, or one for the whole block."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.build import losses
from dslc.build.losses import Values
from dslc.build.metrics import bare
from dslc.build.scope import Env, Scope
from dslc.build.train_settings import RULE, SPECIAL_OF_STEP, STEP, Given
from dslc.build.values import Skip, Tensor
from dslc.catalogue import nearest
from dslc.errors.base import Problems
from dslc.errors.names import GivenTwice
from dslc.errors.steps import NoSuchWeights, NothingToUpdate, NotUpdated, PartOfRepeat
from dslc.errors.training import MissingTrainSetting
from dslc.graph import Graph, Node
from dslc.optimizers.base import OPTIMIZERS
from dslc.parse import tree
from dslc.paths import layers, matches
from dslc.plan import Update
from dslc.source import Span


@dataclass(frozen=True)
class Target:
    """A member of `update = [...]`: a model by its name, or weights by a glob of their paths."""

    text: str
    is_glob: bool
    span: Span


@dataclass
class Step:
    """A step with its loss and its values built."""

    name: str
    given: Given
    loss: Tensor
    values: Values
    settings: Mapping[str, Any]
    targets: tuple[Target, ...]
    """Empty for a block without steps: everything."""

    @property
    def output(self) -> str:
        """Name of its loss among the outputs."""
        return f"{self.name}.loss" if self.name else "loss"


@dataclass
class Steps:
    """The steps of a train block, or the block itself as its only one."""

    block: Given
    settings: Mapping[str, Any]
    """Of the block: what a step does not say itself."""
    trees: tuple[tree.Step, ...]
    found: list[Step] = field(default_factory=list[Step])
    shared: Values = field(default_factory=Values)
    """What the block names outside of its steps; the first step works it out."""

    def run(self) -> None:
        """Run the statements of the block, then those of the steps in order."""
        losses.run(self.block)
        self.shared = losses.values_of(self.block)
        if not self.trees:
            self.found = [Step("", self.block, losses.loss_of(self.block), Values(), self.settings, ())]
        names: dict[str, Span] = {}
        for item in self.trees:
            if item.name.text in names:
                problem = GivenTwice(item.name.span, item.name.text, "step", names[item.name.text])
                self.block.env.build.problems.add(problem)
            names.setdefault(item.name.text, item.name.span)
            try:
                self.found.append(self._step(item))
            except Skip:
                continue

    def _step(self, item: tree.Step) -> Step:
        outer, name = self.block.env, item.name.text
        env = replace(outer, scope=Scope(outer.scope))
        given = Given(env, f"step {name}", STEP, SPECIAL_OF_STEP)
        given.sort(item.body)
        given.refuse_others()
        chosen = given.values()
        require(given, item.name.span, f"step `{name}`", {
            "update": "update = [model]", "loss": "loss = (logits, label) -> cross_entropy",
        })  # fmt: skip
        losses.run(given)
        targets = _targets(env, given.settings["update"])
        rule = {key: value for key, value in self.settings.items() if key in RULE}
        return Step(
            name, given, losses.loss_of(given), losses.values_of(given, f"{name}."), {**rule, **chosen}, targets
        )

    def outputs(self) -> dict[str, Tensor]:
        """The losses, the scalars and the sums of metrics."""
        values = [self.shared, *(step.values for step in self.found)]
        tensors = {step.output: step.loss for step in self.found}
        for part in values:
            tensors |= {name: tensor for name, tensor in part.scalars.items() if name not in tensors}
        for part in values:
            tensors |= {f"metric {name}": tensor for name, (_, tensor) in part.metrics.items()}
        return tensors

    def metrics(self) -> dict[str, Any]:
        """The metrics by the name that a run logs."""
        return {
            name: op
            for part in (self.shared, *(step.values for step in self.found))
            for name, (op, _) in part.metrics.items()
        }

    def updates(self, graph: Graph, owner_of: "Owner") -> tuple[Update, ...]:
        """The updates, once the graph is whole."""
        made: list[Update] = []
        for position, step in enumerate(self.found):
            scalars = (*(self.shared.scalars if position == 0 else ()), *step.values.scalars)
            weights, states = _changed(step, graph, owner_of)
            taken = {state for update in made for state in update.states}
            own = _own_states((step.output, *scalars), graph, owner_of) if step.name else ()
            states += tuple(name for name in own if name not in taken)
            settings = {key: value for key, value in step.settings.items() if key in STEP}
            settings.setdefault("optimizer", OPTIMIZERS["adam"]())
            spans = {name: item.span for name, item in step.given.settings.items()}
            rest = tuple(name for name in scalars if name != step.output)
            made.append(
                Update(
                    name=step.name,
                    loss=step.output,
                    scalars=rest,
                    weights=weights,
                    states=states,
                    spans=spans,
                    **settings,
                )
            )
        return tuple(made)


@dataclass(frozen=True)
class Owner:
    """Which model a weight or state belongs to: `prefixes` are the places of the models that are applied by name."""

    own: str | None
    """The model whose weights have no prefix."""
    prefixes: tuple[str, ...]

    def __call__(self, name: str) -> str | None:
        """The model, or None for what the train block itself holds."""
        for prefix in self.prefixes:
            if name.startswith(f"{prefix}."):
                return prefix
        return None if name.startswith("train.") else self.own


def _changed(step: Step, graph: Graph, owner_of: Owner) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The weights that a step changes, and the states whose next values it keeps."""
    weights = [node.name for node in graph.sources("parameter")]
    states = [node.name for node in graph.sources("state")]
    if not step.name:
        return tuple(weights), tuple(states)
    from dslc.differentiate.flow import flow  # noqa: PLC0415  # `dslc check` of a block without steps does without it

    problems = step.given.env.build.problems
    reached = {ref.node for ref in flow(graph, weights, [graph.outputs[step.output]])}
    chosen: set[str] = set()
    for target in step.targets:
        meant = [name for name in weights if _means(target, graph.nodes[name], owner_of, problems)]
        if not meant:
            known = tuple(sorted({owner for name in weights if (owner := owner_of(name))}))
            near = None if target.is_glob else nearest(target.text, known)
            problems.add(NoSuchWeights(target.span, target.text, target.is_glob, near, known))
        elif not reached.intersection(meant):
            problems.add(NothingToUpdate(target.span, step.name, target.text))
        chosen.update(meant)
    models = {owner_of(name) for name in chosen}
    return (
        tuple(name for name in weights if name in chosen),
        tuple(name for name in states if owner_of(name) in models),
    )


def _own_states(outputs: tuple[str, ...], graph: Graph, owner_of: Owner) -> tuple[str, ...]:
    """States of the train block itself that a step reads; the first step that does keeps their next values."""
    part = replace(graph, outputs={name: graph.outputs[name] for name in outputs}).live()
    return tuple(name for name in part.updates if owner_of(name) is None)


def _means(target: Target, weight: Node, owner_of: Owner, problems: Problems) -> bool:
    """Whether a weight is one of the target's; a stacked one is updated whole."""
    if not target.is_glob:
        return owner_of(weight.name) == target.text
    found = [matches(target.text, path) for path, _ in layers(weight)]
    if any(found) and not all(found):
        problems.add(PartOfRepeat(target.span, target.text, weight.name))
    return any(found)


def _targets(env: Env, item: tree.Assign) -> tuple[Target, ...]:
    """The members of `update = [...]`.

    Raises:
        Skip: when it is no list of models and globs.
    """
    listed = bare(item.value)
    if isinstance(listed, tree.Lost):
        raise Skip
    found: list[Target] = []
    for part in map(bare, listed.items) if isinstance(listed, tree.List) else ():
        if isinstance(part, tree.Name):
            found.append(Target(part.text, False, part.span))
        elif isinstance(part, tree.Literal) and isinstance(part.value, str):
            found.append(Target(part.value, True, part.span))
        else:
            raise env.fail(NotUpdated(part.span))
    if not found:
        raise env.fail(NotUpdated(item.value.span))
    return tuple(found)


def require(given: Given, span: Span, owner: str, wanted: Mapping[str, str]) -> None:
    """Refuse a block or step without a setting that it must have.

    Raises:
        Skip: when one is missing; all that are missing are reported.
    """
    missing = [name for name in wanted if name not in given.settings]
    for name in missing:
        given.env.build.problems.add(MissingTrainSetting(span, name, wanted[name], owner))
    if missing:
        raise Skip

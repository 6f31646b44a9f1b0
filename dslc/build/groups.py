"""`group "*.bias" { decay = 0 }`: what a train block says of weights by their paths."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

from dslc.build import settings
from dslc.build.scope import Env
from dslc.build.values import Skip
from dslc.errors.placement import WrongStatement
from dslc.errors.training import OutOfRange
from dslc.errors.weights import AllFrozen, NoDecay, NoSuchWeight
from dslc.graph import Graph
from dslc.optimizers.base import OPTIMIZERS, Optimizer
from dslc.parse import tree
from dslc.paths import layers, matches, nearest_path, paths
from dslc.plan import Group, Update
from dslc.source import Span

SETTINGS: Mapping[str, Any] = {
    name: get_args(kind)[0] for name, kind in get_type_hints(Group).items() if type(None) in get_args(kind)
}
"""What a group may say, and the kind of each value."""


def read(env: Env, items: Sequence[tree.WeightGroup], graph: Graph, updates: Sequence[Update]) -> tuple[Group, ...]:
    """The groups of a train block; what is wrong with them is reported."""
    if not items:
        return ()
    known = paths(graph)
    found = tuple(_group(env, item, known, _optimizers(item, graph, updates)) for item in items)
    if known and all(_is_frozen(found, path) for path in known):
        env.build.problems.add(AllFrozen(items[-1].span))
    return found


def _group(env: Env, item: tree.WeightGroup, known: tuple[str, ...], optimizers: Sequence[Optimizer]) -> Group:
    for glob in item.globs:
        if not any(matches(glob.text, path) for path in known):
            env.build.problems.add(NoSuchWeight(glob.span, glob.text, *nearest_path(glob.text, known)))
    given = _settings(env, item)
    plain = [optimizer for optimizer in optimizers if not has_decay(type(optimizer))]
    if given.get("decay") is not None and plain:
        others = tuple(other.name for other in OPTIMIZERS if has_decay(other))
        env.build.problems.add(NoDecay(_place(item, "decay"), plain[0].name, others))
    return Group(tuple(glob.text for glob in item.globs), **given)


def _optimizers(item: tree.WeightGroup, graph: Graph, updates: Sequence[Update]) -> list[Optimizer]:
    """Those that change weights of a group; of one that means no weights, all."""
    found = [update.optimizer for update in updates if _means_any(item, graph, update)]
    return found or [update.optimizer for update in updates]


def _means_any(item: tree.WeightGroup, graph: Graph, update: Update) -> bool:
    below = [path for name in update.weights for path, _ in layers(graph.nodes[name])]
    return any(matches(glob.text, path) for glob in item.globs for path in below)


def has_decay(optimizer: type[Optimizer]) -> bool:
    """Whether weight decay is a setting of an optimizer."""
    return any(field.name == "decay" for field in optimizer.settings())


def _settings(env: Env, item: tree.WeightGroup) -> dict[str, Any]:
    """Values of the settings that a group gives."""
    items: list[tree.Item] = []
    for part in item.body:
        if not isinstance(part, tree.Assign) or len(part.names) != 1:
            env.build.problems.add(WrongStatement(part.span, "this", "a group of weights", known=tuple(SETTINGS)))
            continue
        items.append(tree.Item(part.span, part.names[0].text, part.value))
    wanted = [settings.Wanted(name, kind, required=False) for name, kind in SETTINGS.items()]
    found: dict[str, Any] = {}
    try:
        trees = settings.arrange(env, "group", wanted, items, item.span)
    except Skip:
        return {}
    for name, value in trees.items():
        try:
            found[name] = settings.setting(env, value, SETTINGS[name], "group", name)
        except Skip:
            continue
        if found[name] < 0 or (name == "max_norm" and found[name] == 0):
            wanted_ = "above 0" if name == "max_norm" else "at least 0"
            env.build.problems.add(OutOfRange(value.span, name, str(found[name]), wanted_))
    return found


def _is_frozen(groups: Sequence[Group], path: str) -> bool:
    said = [group.frozen for group in groups if group.frozen is not None and any(matches(g, path) for g in group.globs)]
    return bool(said and said[-1])


def _place(item: tree.WeightGroup, name: str) -> Span:
    """Where a group gives a setting."""
    parts = [part for part in item.body if isinstance(part, tree.Assign)]
    return next((part.span for part in parts if part.names[0].text == name), item.span)

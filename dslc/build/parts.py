"""`model.layer` as a stage of a train or sample block: a layer that the model has named, with its weights, by itself."""

from dataclasses import dataclass, replace
from typing import Any

from dslc.build import models
from dslc.build.frame import Frame, Place
from dslc.build.scope import Binding, Build, Env, Scope
from dslc.build.values import Elsewhere, Layer, Tensor
from dslc.catalogue import nearest
from dslc.errors.base import Problems
from dslc.errors.steps import NoNamedLayer, SettingsByHand
from dslc.graph import Ref
from dslc.ops.core._stored import Stored
from dslc.parse import tree
from dslc.source import Span


@dataclass(frozen=True)
class Built:
    """A model that was built by itself: what its names mean in there, and the graph in which they do."""

    scope: Scope
    frame: Frame

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it names."""
        return tuple(name for name, found in self.scope.names.items() if isinstance(found.value, Layer))


def names_layer(env: Env, item: tree.Tree) -> bool:
    """Whether something dotted means a layer of a model of this block."""
    if not isinstance(item, tree.Attribute) or not isinstance(item.value, tree.Name):
        return False
    name = item.value.text
    return bool(env.build.applied) and not env.build.active and name in env.build.program.models


def apply(env: Env, item: tree.Attribute, items: tuple[tree.Item, ...], span: Span) -> Any:
    """What the layer gives for the value in the pipe."""
    from dslc.build import stages  # noqa: PLC0415  # the two call each other

    applied = env.build.applied
    assert applied is not None
    assert isinstance(item.value, tree.Name)
    model = item.value.text
    built = _built(env, model)
    if item.name not in built.layers:
        raise env.fail(NoNamedLayer(item.span, model, item.name, nearest(item.name, built.layers), built.layers))
    if items:
        raise env.fail(SettingsByHand(span, f"{model}.{item.name}", is_layer=True))
    place = applied.place(model)
    scope = Scope()
    inner = replace(env, scope=scope, place=place, it=None, use=span)
    for name, found in built.scope.names.items():
        value = _here(inner, place, built, found, Elsewhere(f"{model}.{item.name}", name, span))
        if value is not None:
            scope.names[name] = Binding(value, found.span, found.what)
    _bind_batch(scope, built, env.it)
    env.build.active.append(env.build.program.title(model))
    try:
        return stages.named_layer(env, scope.names[item.name].value, span)
    finally:
        env.build.active.pop()


def _built(env: Env, model: str) -> Built:
    """The model built by itself: where its weights stand, and which of its names are layers, shows only then.

    Raises:
        Skip: when it cannot be; its own check says why.
    """
    program, applied = env.build.program, env.build.applied
    assert applied is not None
    build = Build(program, Problems(), dict(env.build.dims), active=[program.title(model)])
    outer = models.root(build, model)
    block = program.models[model]
    models.bind(outer, block, applied.settings(model))
    models.outputs(outer, block, models.declared)
    return Built(outer.scope, outer.frame)


def _here(inner: Env, place: Place, built: Built, found: Binding, elsewhere: Elsewhere) -> Any:
    """What a name of the model means in the layer; None for sizes, which the layer binds anew."""
    value = found.value
    if isinstance(value, Layer):
        return replace(value, env=inner, place=Place(place.frame, place.join(value.place.path)))
    if not isinstance(value, Tensor):
        return None if found.what == "dimension" and not isinstance(value, int) else value
    node = value.home.builder.nodes[value.ref.node]
    if value.home is not built.frame or not isinstance(node.op, Stored):
        return elsewhere
    name, owner = place.join(node.name), place.frame
    if name not in owner.builder.nodes:
        owner.builder.add(replace(node, name=name, path=name))
    return owner.tensor(Ref(name))


def _bind_batch(scope: Scope, built: Built, value: Any) -> None:
    """`batch` is the first size of what is piped in."""
    found = built.scope.names.get("batch")
    if found is not None and found.what == "dimension" and isinstance(value, Tensor) and value.type.rank:
        scope.names["batch"] = Binding(value.type.shape[0], found.span, "dimension")
